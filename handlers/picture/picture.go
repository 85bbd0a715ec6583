// Package picture makes the small PNG that a page shows of an image that somebody uploaded. Nothing of the upload is kept but its pixels:
//
//	png, err := picture.Fit(upload, 512, 96)
//
// It imports the standard library alone. Fit takes at most 16 million pixels and some 70 MB for a moment.
package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	_ "image/gif"  // what people upload
	_ "image/jpeg" // what people upload
	"image/png"
)

// maxPixels bounds what decoding may cost: a small file can hold a very large picture.
const maxPixels = 16 << 20

// The reasons why an upload is refused.
var (
	ErrKind  = errors.New("not a PNG, JPEG or GIF image")
	ErrLarge = errors.New("more than 16 million pixels")
	ErrEmpty = errors.New("no pixels")
)

// Fit decodes a PNG, JPEG or GIF (its first picture) and returns it as a PNG of at most width by height pixels, in its own proportions; it never
// enlarges.
func Fit(upload []byte, width, height int) ([]byte, error) {
	head, _, err := image.DecodeConfig(bytes.NewReader(upload))
	switch {
	case err != nil:
		return nil, ErrKind
	case head.Width <= 0 || head.Height <= 0:
		return nil, ErrEmpty
	case head.Width > maxPixels/head.Height:
		return nil, ErrLarge
	}
	from, _, err := image.Decode(bytes.NewReader(upload))
	if err != nil {
		return nil, ErrKind
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, shrink(from, width, height)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// shrink averages the pixels that fall on one, each by its share of it; colours are weighed by their opacity.
func shrink(from image.Image, width, height int) image.Image {
	b := from.Bounds()
	w, h := b.Dx(), b.Dy()
	scale := max(1, float64(w)/float64(width), float64(h)/float64(height))
	outW, outH := max(1, int(float64(w)/scale+0.5)), max(1, int(float64(h)/scale+0.5))
	out := image.NewNRGBA(image.Rect(0, 0, outW, outH))
	for y := range outH {
		y0, y1 := float64(y)*float64(h)/float64(outH), float64(y+1)*float64(h)/float64(outH)
		for x := range outW {
			x0, x1 := float64(x)*float64(w)/float64(outW), float64(x+1)*float64(w)/float64(outW)
			out.Set(x, y, mean(from, b.Min, x0, x1, y0, y1))
		}
	}
	return out
}

func mean(from image.Image, origin image.Point, x0, x1, y0, y1 float64) color.Color {
	var r, g, b, a, whole float64
	for y := int(y0); float64(y) < y1; y++ {
		for x := int(x0); float64(x) < x1; x++ {
			share := (min(x1, float64(x+1)) - max(x0, float64(x))) * (min(y1, float64(y+1)) - max(y0, float64(y)))
			pr, pg, pb, pa := from.At(origin.X+x, origin.Y+y).RGBA() // premultiplied
			r, g, b, a, whole = r+share*float64(pr), g+share*float64(pg), b+share*float64(pb), a+share*float64(pa), whole+share
		}
	}
	at := func(v float64) uint16 { return uint16(min(v/whole+0.5, 0xffff)) }
	return color.RGBA64{R: at(r), G: at(g), B: at(b), A: at(a)}
}
