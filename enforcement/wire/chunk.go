package wire

// Chunks judges a chunked body: RFC 9112, 7.1. The zero value stands before its first byte.
type Chunks struct {
	Padded bool // sizes may have blanks behind them, as some servers write them

	state   chunkState
	digits  byte  // of the size that is being read
	nameLen byte  // of the trailer's name that is being read
	size    int64 // of the chunk that is being read
	left    int64 // bytes of its data to come
	extra   int64 // bytes of sizes and extensions beyond what the data excuses
	trailer int   // bytes of the lines behind the last chunk
	visited int64
	name    [mostName]byte
}

type chunkState byte

const (
	chunkSize      chunkState = iota // a digit of it, or its end
	chunkExtension                   // behind a semicolon
	chunkName                        // in an extension's name
	chunkNameBlank                   // behind an extension's name
	chunkEquals                      // behind its equals sign
	chunkValue                       // in its value
	chunkQuoted                      // in a value in quotes
	chunkEscaped                     // behind a backslash in one
	chunkValueEnd                    // behind its value
	chunkBlank                       // behind a size and blanks
	chunkSizeLF                      // behind the CR of a size
	chunkData                        //
	chunkDataCR                      //
	chunkDataLF                      //
	trailerStart                     // of a line
	trailerName                      //
	trailerValue                     //
	trailerLF                        // behind the CR of a line
	trailerLastLF                    // behind the CR of the empty line
	chunksEnd                        //
	chunkNowhere                     // what no byte leads to
)

const (
	// maxDigits keeps a size below 2^60.
	maxDigits = 15
	// Each chunk may have 16 bytes around its data, and two more for each byte of data, before they count; net/http's own bound is this one, but it will not
	// see the extensions.
	freeChunk, freePerByte, maxExtra = 16, 2, 16 << 10
)

// Looked is how many bytes outside of the data of chunks were judged.
func (c *Chunks) Looked() int64 { return c.visited }

// Clean judges the next bytes of a body and takes its extensions out of them: what is left is b[:kept]; b[used:] stands behind the body. done says that the body
// has ended well, or that the verdict is a refusal; b[:kept] is then what came before. It must not be called again then.
func (c *Chunks) Clean(b []byte) (kept, used int, v Verdict, done bool) {
	for used < len(b) {
		if c.state == chunkData {
			n := int(min(c.left, int64(len(b)-used)))
			if kept != used {
				copy(b[kept:], b[used:used+n])
			}
			kept, used = kept+n, used+n
			if c.left -= int64(n); c.left == 0 {
				c.state = chunkDataCR
			}
			continue
		}
		c.visited++
		keep, fault := c.take(b[used])
		if fault != "" {
			c.state |= refusedFlag
			return kept, used, Verdict{BadChunk, fault}, true
		}
		if keep {
			b[kept] = b[used]
			kept++
		}
		used++
		if c.state == chunksEnd {
			return kept, used, Verdict{}, true
		}
	}
	return kept, used, Verdict{}, false
}

// refusedFlag marks the state in which a body was refused.
const refusedFlag = 0x80

// Poison is what is to be sent on in place of the byte that was refused, so that every reader of what was kept so far finds the body broken too.
func (c *Chunks) Poison() string {
	switch c.state &^ refusedFlag {
	case trailerName, trailerValue, trailerLF:
		return "\r\n!\r\n\r\n" // a line without a colon
	default:
		return "!\r\n\r\n" // no size, no end of a chunk, no trailer
	}
}

// take judges a byte outside the data; keep says whether the next reader needs it.
func (c *Chunks) take(b byte) (keep bool, fault string) {
	switch {
	case c.state == chunkSize || c.state >= chunkSizeLF && c.state <= chunkDataLF:
		return c.takeFrame(b)
	case c.state < chunkSizeLF:
		return c.takeExtension(b)
	default:
		if c.trailer++; c.trailer > MaxTrailer {
			return false, "has more than 4,000 bytes of trailers"
		}
		return true, c.takeTrailer(b)
	}
}

const faultChunkSize = "has a chunk whose size is no plain hexadecimal number"

// takeFrame judges a byte of a size without extensions, and of the ends of lines.
func (c *Chunks) takeFrame(b byte) (keep bool, fault string) {
	switch c.state {
	case chunkSize:
		value := hexValue(b)
		switch {
		case value < 16 && c.digits < maxDigits:
			c.digits++
			c.size = c.size<<4 | int64(value)
			return true, ""
		case value < 16 || c.digits == 0:
			return false, faultChunkSize
		case b == '\r':
			c.state = chunkSizeLF
			return true, ""
		case b == ';':
			c.state = chunkExtension
			return false, c.spend()
		case isBlank(b):
			c.state = chunkBlank
			return false, c.spend()
		case b == '\n':
			return false, "has a chunk line that ends with LF alone"
		default:
			return false, faultChunkSize
		}
	case chunkSizeLF:
		if b != '\n' {
			return false, "has a CR in a chunk line that does not end it"
		}
		return true, c.begin()
	case chunkDataCR:
		if b != '\r' {
			return false, "has a chunk that is longer than its size"
		}
		c.state = chunkDataLF
		return true, ""
	default: // chunkDataLF
		if b != '\n' {
			return false, "has a chunk that is longer than its size"
		}
		c.state, c.size, c.digits = chunkSize, 0, 0
		return true, ""
	}
}

// begin starts the data of a chunk, or the trailers behind the last one.
func (c *Chunks) begin() string {
	c.extra += int64(c.digits) + 4 // with both ends of lines
	if c.extra -= freeChunk + freePerByte*c.size; c.extra < 0 {
		c.extra = 0
	}
	if c.extra > maxExtra {
		return faultExtra
	}
	if c.state = chunkData; c.size == 0 {
		c.state = trailerStart
	}
	c.left = c.size
	return ""
}

const faultExtra = "has more of chunk sizes and extensions than of a body"

// spend counts a byte of an extension.
func (c *Chunks) spend() string {
	if c.extra++; c.extra > maxExtra {
		return faultExtra
	}
	return ""
}

// takeExtension judges a byte of chunk-ext: *( BWS ";" BWS name [ BWS "=" BWS value ] ). None of it is kept but the CR at its end.
func (c *Chunks) takeExtension(b byte) (keep bool, fault string) {
	if !isFieldByte(b) && b != '\r' {
		return false, "has a control character in a chunk extension"
	}
	if fault := c.spend(); fault != "" {
		return false, fault
	}
	next := chunkNowhere
	token, blank := lowerToken[b] != 0, isBlank(b)
	switch c.state {
	case chunkBlank:
		next = choose(blank, chunkBlank, b == ';', chunkExtension)
		if b == '\r' && c.Padded {
			next = chunkSizeLF
		}
	case chunkExtension:
		next = choose(blank, chunkExtension, token, chunkName)
	case chunkName, chunkNameBlank:
		next = choose(b == '=', chunkEquals, blank, chunkNameBlank)
		if token && c.state == chunkName {
			next = chunkName
		}
	case chunkEquals:
		next = choose(token, chunkValue, b == '"', chunkQuoted)
		if blank {
			next = chunkEquals
		}
	case chunkValue, chunkValueEnd:
		next = choose(blank, chunkValueEnd, token && c.state == chunkValue, chunkValue)
	case chunkQuoted:
		next = choose(b == '\\', chunkEscaped, b == '"', chunkValueEnd)
		if next == chunkNowhere && b != '\r' {
			next = chunkQuoted
		}
	case chunkEscaped:
		next = choose(b != '\r', chunkQuoted, false, chunkNowhere)
	}
	if complete := c.state == chunkName || c.state == chunkNameBlank || c.state == chunkValue || c.state == chunkValueEnd; complete && next == chunkNowhere {
		next = choose(b == ';', chunkExtension, b == '\r', chunkSizeLF)
	}
	if next == chunkNowhere {
		return false, "has a chunk extension that cannot be read"
	}
	c.state = next
	return b == '\r', ""
}

// choose is the state of the first condition that holds.
func choose(first bool, a chunkState, second bool, b chunkState) chunkState {
	switch {
	case first:
		return a
	case second:
		return b
	default:
		return chunkNowhere
	}
}

// takeTrailer judges a byte of the lines behind the last chunk.
func (c *Chunks) takeTrailer(b byte) string {
	switch c.state {
	case trailerStart:
		if b == '\r' {
			c.state = trailerLastLF
			return ""
		}
		c.nameLen = 0
		fault := c.takeTrailerName(b)
		if fault == "" {
			c.state = trailerName
		}
		return fault
	case trailerName:
		return c.takeTrailerName(b)
	case trailerValue:
		if b == '\r' {
			c.state = trailerLF
		} else if !isFieldByte(b) {
			return "has a control character in a trailer"
		}
		return ""
	default: // trailerLF, trailerLastLF
		if b != '\n' {
			return "has a CR in a trailer that does not end its line"
		}
		if c.state == trailerLF {
			c.state = trailerStart
		} else {
			c.state = chunksEnd
		}
		return ""
	}
}

func (c *Chunks) takeTrailerName(b byte) string {
	if b == ':' && c.nameLen > 0 {
		if !mayTrail(c.name[:c.nameLen]) {
			return "has a trailer that may only be a header"
		}
		c.state = trailerValue
		return ""
	}
	lower := lowerToken[b]
	if lower == 0 {
		return "has a trailer whose name has characters that none can have"
	}
	if lower == '_' {
		lower = '-'
	}
	if int(c.nameLen) < len(c.name) {
		c.name[c.nameLen] = lower
		c.nameLen++
	}
	return ""
}
