package public

// SafeHTML is markup that was made from a stranger's Markdown and sanitised. Only handlers/markdown.go makes it.
type SafeHTML string
