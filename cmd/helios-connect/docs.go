package main

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/docsgen"
)

// docsCommand writes the pages of docs/components. It is for those who change
// Helios, not for those who run it, and therefore hidden.
func docsCommand() *cli.Command {
	return &cli.Command{
		Name:   "docs",
		Usage:  "Write the reference pages of Helios's components",
		Hidden: true,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Value: "docs/components", Usage: "the folder of the pages"},
			&cli.BoolFlag{Name: "check", Usage: "change nothing; fail when a page is not up to date"},
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return writeDocs(c.String("dir"), c.Bool("check"))
		},
	}
}

func writeDocs(dir string, check bool) error {
	pages, err := docsgen.Pages(service.GlobalEnvironment())
	if err != nil {
		return err
	}
	if check {
		stale, err := docsgen.Stale(dir, pages)
		if err == nil && len(stale) > 0 {
			err = fmt.Errorf("pages of %s are not up to date: %q; run `make generate`", dir, stale)
		}
		return err
	}
	changed, err := docsgen.Write(dir, pages)
	for _, name := range changed {
		fmt.Println("changed", name)
	}
	return err
}
