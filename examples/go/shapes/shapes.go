// SPDX-License-Identifier: MIT

// Package shapes knows rectangles and circles.
package shapes

import (
	"errors"
	"math"
)

// ErrNegative says that a side or a radius is below zero.
var ErrNegative = errors.New("a length is negative")

// Rectangle returns the area of a rectangle.
func Rectangle(width, height float64) (float64, error) {
	if width < 0 || height < 0 {
		return 0, ErrNegative
	}
	return width * height, nil
}

// Circle returns the area of a circle.
func Circle(radius float64) (float64, error) {
	if radius < 0 {
		return 0, ErrNegative
	}
	return math.Pi * radius * radius, nil
}
