// Package contracts is what helios-connect schema does: it registers contracts,
// compares them, tries them on events, and proposes their next versions.
package contracts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/schema/compat"
	"github.com/helios-connect/helios/plugins/schema/contract"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

// Pushed is what became of one contract.
type Pushed struct {
	Subject string
	Version int
	// Unchanged: the latest version says the same already.
	Unchanged bool
	// Findings say why it was refused.
	Findings []compat.Finding
	// Unsatisfiable: no payload can keep the contract. It is registered all the
	// same.
	Unsatisfiable bool
}

// Push registers a contract as the next version of its subject, unless the latest
// one says the same. It is refused where it can't be used to judge, or isn't
// compatible as mode asks; mode 0 is what the registry says for the subject. Dry
// says what would be done, and does nothing.
func Push(ctx context.Context, to *registry.Remote, subject, text string, kind sr.SchemaType, mode compat.Mode, dry bool) (p Pushed, err error) {
	p.Subject = subject
	if kind == sr.TypeJSON {
		if _, err := contract.Compile(subject, []byte(text), contract.Options{AssertFormat: true}); err != nil {
			return p, err
		}
	}
	next := SchemaOf(registry.Registered{Type: kind, Text: text})
	if p.Unsatisfiable, err = compat.Unsatisfiable(next); err != nil {
		return p, fmt.Errorf("%s: %w", subject, err)
	}
	earlier, err := versionsOf(ctx, to, subject)
	if err != nil {
		return p, err
	}
	if n := len(earlier); n > 0 {
		p.Version = earlier[n-1].Version
		if same(earlier[n-1].Text, text, kind) {
			p.Unchanged = true
			return p, nil
		}
	}
	if mode == 0 {
		if mode, err = modeOf(ctx, to, subject); err != nil {
			return p, err
		}
	}
	report, err := compat.Check(mode, next, schemasOf(earlier))
	if err != nil {
		return p, fmt.Errorf("%s: %w", subject, err)
	}
	if p.Findings = report.Findings; !report.Compatible {
		return p, &IncompatibleError{Subject: subject, Mode: mode, Findings: report.Findings}
	}
	p.Version++
	if dry {
		return p, nil
	}
	registered, err := to.Client().CreateSchema(ctx, subject, sr.Schema{Schema: text, Type: kind})
	if err != nil {
		return p, fmt.Errorf("registering %s in %s: %w", subject, to, err)
	}
	p.Version = registered.Version
	return p, nil
}

// IncompatibleError says why a contract can't be the next version.
type IncompatibleError struct {
	Subject  string
	Mode     compat.Mode
	Findings []compat.Finding
}

func (e *IncompatibleError) Error() string {
	text := fmt.Sprintf("%s is not %s compatible", e.Subject, e.Mode)
	if len(e.Findings) > 0 {
		text += ": " + e.Findings[0].Reason
	}
	if n := len(e.Findings) - 1; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	return text
}

// PushFiles pushes the contracts of a folder, and tells report about each. It goes
// on after a refusal; the error joins them all.
func PushFiles(ctx context.Context, to *registry.Remote, files []registry.File, mode compat.Mode, dry bool, report func(Pushed, error)) error {
	var errs []error
	for _, f := range files {
		text, err := os.ReadFile(f.Path)
		if err != nil {
			return fmt.Errorf("reading the contract: %w", err)
		}
		p, err := Push(ctx, to, f.Subject, string(text), f.Type, mode, dry)
		report(p, err)
		if err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// versionsOf reads all versions of a subject.
func versionsOf(ctx context.Context, from registry.Source, subject string) (list []registry.Registered, err error) {
	versions, err := from.Versions(ctx, subject)
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		r, err := from.Schema(ctx, subject, v)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

func schemasOf(list []registry.Registered) (schemas []compat.Schema) {
	for _, r := range list {
		schemas = append(schemas, SchemaOf(r))
	}
	return schemas
}

var formats = map[sr.SchemaType]compat.Format{sr.TypeJSON: compat.JSON, sr.TypeAvro: compat.Avro, sr.TypeProtobuf: compat.Protobuf}

// SchemaOf is a registered version as compat reads it.
func SchemaOf(r registry.Registered) compat.Schema {
	return compat.Schema{Format: formats[r.Type], Text: r.Text, Version: r.Version}
}

// same tells whether two schemas say the same, whatever their layout.
func same(a, b string, kind sr.SchemaType) bool {
	if a == b {
		return true
	}
	if kind == sr.TypeProtobuf || !json.Valid([]byte(a)) || !json.Valid([]byte(b)) {
		return false
	}
	equal, err := event.Equal([]byte(a), []byte(b))
	return err == nil && equal
}

// modeOf is the compatibility that the registry asks of a subject.
func modeOf(ctx context.Context, from *registry.Remote, subject string) (compat.Mode, error) {
	for _, s := range []string{subject, sr.GlobalSubject} {
		for _, r := range from.Client().Compatibility(ctx, s) {
			var answer *sr.ResponseError
			switch {
			case errors.As(r.Err, &answer) && s == subject && answer.StatusCode == 404: // none of its own
			case r.Err != nil:
				return 0, fmt.Errorf("asking %s for the compatibility of %q: %w", from, s, r.Err)
			default:
				return compat.ParseMode(r.Level.String())
			}
		}
	}
	return compat.Backward, nil
}
