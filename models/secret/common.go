package secret

// commonPasswords is one word or password a line, in lower case.
const commonPasswords = `
password
`
