// SPDX-License-Identifier: MIT

package shapes

import (
	"math"
	"testing"
)

func TestRectangle(t *testing.T) {
	for _, c := range []struct {
		name                string
		width, height, area float64
	}{
		{"square", 2, 2, 4},
		{"flat", 3, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			area, err := Rectangle(c.width, c.height)
			if err != nil || area != c.area {
				t.Errorf("got %v, %v, want %v", area, err, c.area)
			}
		})
	}
}

func TestCircle(t *testing.T) {
	area, err := Circle(1)
	if err != nil || math.Abs(area-math.Pi) > 1e-9 {
		t.Errorf("got %v, %v", area, err)
	}
}

func TestNegative(t *testing.T) {
	if _, err := Circle(-1); err != ErrNegative {
		t.Errorf("got %v", err)
	}
}

func TestHuge(t *testing.T) {
	t.Skip("there is no type for it yet")
}
