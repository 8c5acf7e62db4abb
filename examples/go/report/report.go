// SPDX-License-Identifier: MIT

// Package report writes areas for people.
package report

import (
	_ "embed"
	"fmt"
	"strings"

	"example.com/shapes/shapes"
)

//go:embed template.txt
var template string

// Square describes a square.
func Square(side float64) (string, error) {
	area, err := shapes.Rectangle(side, side)
	if err != nil {
		return "", fmt.Errorf("square of %v: %w", side, err)
	}
	return strings.ReplaceAll(template, "AREA", fmt.Sprintf("%.1f", area)), nil
}
