// SPDX-License-Identifier: MIT

package report_test

import (
	"errors"
	"os"
	"testing"

	"example.com/shapes/report"
	"example.com/shapes/shapes"
)

func TestSquare(t *testing.T) {
	want, err := os.ReadFile("testdata/square.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := report.Square(2)
	if err != nil || got != string(want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestNegativeSquare(t *testing.T) {
	if _, err := report.Square(-2); !errors.Is(err, shapes.ErrNegative) {
		t.Errorf("got %v", err)
	}
}
