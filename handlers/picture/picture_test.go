package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"gatehouse/handlers/picture"
)

func drawn(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.NRGBA{uint8(x), uint8(y), 7, 255})
		}
	}
	return m
}

func encoded(t *testing.T, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What is served is a PNG of ours: nothing else of the upload, such as text behind its pixels.
func TestAnUploadBecomesASmallPNGOfItsPixelsAlone(t *testing.T) {
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, drawn(600, 200), nil); err != nil {
		t.Fatal(err)
	}
	for name, upload := range map[string][]byte{"png": append(encoded(t, drawn(600, 200)), "<script>alert(1)</script>"...), "jpeg": jpg.Bytes()} {
		got, err := picture.Fit(upload, 300, 60)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m, err := png.Decode(bytes.NewReader(got))
		if err != nil || m.Bounds().Dx() != 180 || m.Bounds().Dy() != 60 || bytes.Contains(got, []byte("script")) {
			t.Errorf("%s: %v, %v", name, err, m.Bounds())
		}
	}
	if got, err := picture.Fit(encoded(t, drawn(20, 10)), 300, 60); err != nil || len(got) == 0 {
		t.Errorf("a small one: %v", err)
	} else if m, _ := png.Decode(bytes.NewReader(got)); m.Bounds() != image.Rect(0, 0, 20, 10) {
		t.Errorf("a small one was made %v", m.Bounds())
	}
}

// A see-through pixel has no colour: it must not darken its neighbours.
func TestShrinkingWeighsColoursByTheirOpacity(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	m.Set(0, 0, color.NRGBA{200, 100, 50, 255})
	got, err := picture.Fit(encoded(t, m), 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	one, err := png.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	c := color.NRGBAModel.Convert(one.At(0, 0)).(color.NRGBA)
	if c.A != 64 || c.R < 196 || c.R > 204 || c.G < 96 || c.G > 104 {
		t.Errorf("a quarter of one colour became %v", c)
	}
}

// A file of a few bytes that says it is a hundred thousand pixels wide would take the memory of the machine.
func TestWhatIsNoImageOrTooLargeIsRefused(t *testing.T) {
	bomb := encoded(t, drawn(8, 8))
	binary.BigEndian.PutUint32(bomb[16:], 100_000)
	binary.BigEndian.PutUint32(bomb[20:], 100_000)
	small := encoded(t, drawn(8, 8))
	for name, tt := range map[string]struct {
		upload []byte
		want   error
	}{
		"text": {[]byte("GIF? no"), picture.ErrKind}, "nothing": {nil, picture.ErrKind}, "svg": {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), picture.ErrKind},
		"cut off": {small[:len(small)-20], picture.ErrKind}, "bomb": {bomb, picture.ErrKind},
	} {
		_, err := picture.Fit(tt.upload, 100, 100)
		if !errors.Is(err, tt.want) && !errors.Is(err, picture.ErrLarge) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func FuzzFit(f *testing.F) {
	f.Add([]byte("GIF89a"))
	var out bytes.Buffer
	_ = png.Encode(&out, drawn(3, 3))
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, upload []byte) {
		got, err := picture.Fit(upload, 16, 16)
		if err != nil {
			return
		}
		if _, err := png.Decode(bytes.NewReader(got)); err != nil {
			t.Fatalf("not a PNG: %v", err)
		}
	})
}
