package api

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/helios-connect/helios/internal/terminal"
)

// DefaultAddress is where the API listens when nothing else is said.
const DefaultAddress = "127.0.0.1:8088"

// minToken is the fewest characters of a token.
const minToken = 16

// Variables of the environment.
const (
	EnvAddress = "HELIOS_API_ADDRESS"
	EnvToken   = "HELIOS_API_TOKEN"
)

// Access says where the API listens and what it demands.
type Access struct {
	// Address is host:port.
	Address string
	// Token is demanded of everybody when it is not empty.
	Token string
}

// AccessFromEnvironment reads HELIOS_API_ADDRESS and HELIOS_API_TOKEN.
func AccessFromEnvironment(getenv func(string) string) (Access, error) {
	a := Access{Address: getenv(EnvAddress), Token: getenv(EnvToken)}
	if a.Address == "" {
		a.Address = DefaultAddress
	}
	return a, a.Validate()
}

// Validate refuses every address but one of the loopback, unless there is a token.
// No error shows the token.
func (a Access) Validate() error {
	host, port, err := net.SplitHostPort(a.Address)
	if err != nil {
		return fmt.Errorf("%s %q is no address; it takes host:port, for example %s", EnvAddress, a.Address, DefaultAddress)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%s %q: the port is outside 0 (any free one) to 65535", EnvAddress, a.Address)
	}
	if a.Token != "" && len(a.Token) < minToken {
		return fmt.Errorf("%s has %s; it takes at least %d, for example the output of: openssl rand -hex 32", EnvToken, terminal.Count(len(a.Token), "character", "characters"), minToken)
	}
	if a.Token == "" && !loopback(host) {
		return errors.New(EnvAddress + " " + strconv.Quote(a.Address) + " can be reached from other machines, so " + EnvToken +
			" must be set; without a token only the loopback is allowed, for example " + DefaultAddress)
	}
	return nil
}

// loopback reports whether a host is this machine's alone.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
