package management

var errNoKey = notFound("Invalid API Key identifier specified")
