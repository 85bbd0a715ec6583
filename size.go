package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a flag of a number of bytes: "64MB", "1GB", "512KB", in steps of 1024, or plain bytes.
type size int64

func (b size) String() string {
	n := int64(b)
	for _, unit := range sizeUnits {
		if n >= unit.bytes && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func (b *size) Set(s string) error {
	number, factor := strings.ToUpper(strings.TrimSpace(s)), int64(1)
	for _, unit := range sizeUnits {
		if rest, found := strings.CutSuffix(number, unit.name); found {
			number, factor = strings.TrimSpace(rest), unit.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return fmt.Errorf("%q is not a size such as 64MB", s)
	}
	*b = size(n * factor)
	return nil
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}}
