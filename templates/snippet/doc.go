// Package snippet writes one HTTP request as code that works when it is pasted:
// for curl, JavaScript, Python, Go, Java, C#, PHP and Ruby.
//
//	r := snippet.Request{
//		Method:  "GET",
//		URL:     "http://127.0.0.1:8081/weather/prod/forecast?lat=52.52",
//		Headers: []snippet.Header{{Name: "x-api-key", Env: "WEATHER_KEY"}},
//	}
//	snippet.Curl(r).Text() // what is copied
//	snippet.Curl(r).Body() // the same, coloured, as a component
//	snippet.Languages()    // all of them, in the order in which they are offered
//
// The writers know the kind of each word that they write, so that colouring costs
// nothing. Every value is quoted for its language: whatever stands in a URL, a
// header or a body, the code sends exactly that and does nothing else. What no
// header can hold (line breaks, NUL) is left out, what no URL can hold is
// percent-encoded. A secret belongs into an environment variable (Env, URLEnv).
//
// All functions are pure. The package imports templ and the standard library.
package snippet
