package secret_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"gatehouse/models/secret"
)

func sealAll(t *testing.T, ring *secret.Keyring, name string, text []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	s := ring.SealTo(&file, name)
	if _, err := s.Write(text[:len(text)/3]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(text[len(text)/3:]); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestASealedFileReadsAsItWasWritten(t *testing.T) {
	ring := secret.NewKeyring()
	for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		text := bytes.Repeat([]byte("customer-value-"), size/15+1)[:size]
		file := sealAll(t, ring, "import 1", text)
		if size > 100 && bytes.Contains(file, []byte("customer-value-")) {
			t.Errorf("%d bytes: a value is in clear in the file", size)
		}
		if err := iotest.TestReader(ring.OpenFrom(bytes.NewReader(file), "import 1"), text); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// Whoever can write the folder can neither change, cut, reorder nor exchange what was sealed without it being noticed.
func TestASealedFileThatWasTouchedIsRefused(t *testing.T) {
	ring := secret.NewKeyring()
	file := sealAll(t, ring, "import 1", make([]byte, 200_000))
	frame := 4 + 1 + 24 + 64<<10 + 16
	flipped := bytes.Clone(file)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		name string
		file []byte
	}{
		"another name": {"import 2", file}, "a flipped bit": {"import 1", flipped}, "a cut frame": {"import 1", file[:len(file)-5]}, "a frame less": {"import 1", file[:2*frame]},
		"frames in another order": {"import 1", append(append(bytes.Clone(file[frame:2*frame]), file[:frame]...), file[2*frame:]...)}, "nothing": {"import 1", nil},
		"a size without end": {"import 1", []byte{0xff, 0xff, 0xff, 0xff}},
	} {
		if _, err := io.ReadAll(ring.OpenFrom(bytes.NewReader(c.file), c.name)); !errors.Is(err, secret.ErrUnsealable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
