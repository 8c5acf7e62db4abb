// SPDX-License-Identifier: MIT

// Command area prints the area of a square with side 3.
package main

import (
	"fmt"
	"os"

	"example.com/shapes/report"
)

func main() {
	text, err := report.Square(3)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}
