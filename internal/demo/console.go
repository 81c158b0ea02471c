package demo

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/helios-connect/helios/internal/api"
	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/plugins/store/query"
)

// DefaultAPIPort is that of the API and the console.
const DefaultAPIPort = 8088

// console is the API of a run, with its page.
type console struct {
	server  *api.Server
	rows    *query.DB
	address string
	// note says why the address is another than the wanted one, or is empty.
	note string
}

// openConsole serves the run's store and log on the wanted port, or on a free one
// when that is taken.
func openConsole(o *Options, environment map[string]string) (*console, error) {
	conn, err := kafkaconn.FromEnvironment(func(name string) string { return environment[name] })
	if err != nil {
		return nil, err
	}
	c := &console{}
	if c.rows, err = query.New(environment["HELIOS_STORE_DSN"]); err != nil {
		return nil, err
	}
	for _, port := range []int{o.APIPort, 0} {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if c.server, err = api.New(api.Config{Access: api.Access{Address: address}, Store: c.rows, Log: conn, Version: "demo"}); err != nil {
			break
		}
		if c.address, err = c.server.Start(); err == nil {
			return c, nil
		}
		c.note = fmt.Sprintf(" (port %d is taken)", o.APIPort)
	}
	return nil, errors.Join(fmt.Errorf("--api-port %d: %w", o.APIPort, err), c.rows.Close())
}

// describe names the page.
func (c *console) describe() string { return "Console: http://" + c.address + "/" + c.note }

func (c *console) close() error { return errors.Join(c.server.Close(), c.rows.Close()) }
