package webhook

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// authFromConfig reads the one proof that a path asks for.
func (r *route) authFromConfig(c *service.ParsedConfig, of kind, env environment) error {
	chosen, err := chosenAuth(c)
	if err != nil {
		return err
	}
	switch {
	case len(chosen) == 0 && r.kind == kindSNS:
		return nil
	case len(chosen) != 1:
		return fmt.Errorf("auth holds %d of its members %q; exactly one is required, of %s for the sender %s", len(chosen), chosen, strings.Join(of.auth, ", "), r.kind)
	case !slices.Contains(of.auth, chosen[0]):
		return fmt.Errorf("auth holds %s, which the sender %s can't send; one of %s is allowed", chosen[0], r.kind, strings.Join(of.auth, ", "))
	}
	a := c.Namespace(paFieldAuth, chosen[0])
	switch chosen[0] {
	case auFieldEntra:
		r.header, err = entraFromConfig(a, env, r.name)
	case auFieldGoogle:
		r.header, err = googleFromConfig(a, env, r.name)
	case auFieldOAuth:
		r.header, err = oauthFromConfig(a, env, r.name)
	case auFieldAPIKey:
		r.header, err = apiKeyFromConfig(a)
	case auFieldBasic:
		r.header, err = basicFromConfig(a)
	case auFieldHMAC:
		err = r.hmacFromConfig(a, env)
	}
	if err != nil {
		return fmt.Errorf("%s.%s: %w", paFieldAuth, chosen[0], err)
	}
	return nil
}

// givenBy names, for each proof, the fields of which a configuration that chooses
// it gives at least one. Whether the object itself is there says nothing: Redpanda
// Connect fills absent ones with what defaults they have.
var givenBy = []struct {
	auth           string
	strings, lists []string
}{
	{auFieldEntra, []string{enFieldTenant}, []string{enFieldAudiences}},
	{auFieldGoogle, nil, []string{goFieldAudiences, goFieldEmails}},
	{auFieldOAuth, []string{oaFieldIssuer, oaFieldKeys}, []string{oaFieldAudiences, oaFieldClients}},
	{auFieldAPIKey, []string{akFieldHeader, akFieldQuery}, []string{akFieldKeys}},
	{auFieldBasic, []string{baFieldUser}, []string{baFieldPassword}},
	{auFieldHMAC, []string{hmFieldHeader}, []string{hmFieldSecrets}},
}

func chosenAuth(c *service.ParsedConfig) (chosen []string, err error) {
	for _, g := range givenBy {
		if isGiven(c.Namespace(paFieldAuth, g.auth), g.strings, g.lists) {
			chosen = append(chosen, g.auth)
		}
	}
	anonymous, err := c.FieldBool(paFieldAuth, auFieldAnonymous)
	if anonymous {
		chosen = append(chosen, auFieldAnonymous)
	}
	return chosen, err
}

func isGiven(c *service.ParsedConfig, strings, lists []string) bool {
	for _, field := range strings {
		if value, err := c.FieldString(field); err == nil && value != "" {
			return true
		}
	}
	for _, field := range lists {
		if values, err := c.FieldStringList(field); err == nil && len(values) > 0 {
			return true
		}
	}
	return false
}

// required returns the names in a list of which there must be one. An absent
// environment variable leaves an empty one.
func required(c *service.ParsedConfig, field, example string) ([]string, error) {
	list, err := c.FieldStringList(field)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || slices.Contains(list, "") {
		return nil, fmt.Errorf("%s is empty or holds an empty value; give for example %s", field, example)
	}
	return list, nil
}

// tenantID is a UUID or a verified domain.
var tenantID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.-]*$`)

func entraFromConfig(c *service.ParsedConfig, env environment, name string) (headerAuth, error) {
	var set entraSettings
	var err error
	if set.tenant, err = c.FieldString(enFieldTenant); err != nil {
		return nil, err
	}
	set.tenant = strings.ToLower(set.tenant)
	if !tenantID.MatchString(set.tenant) || slices.Contains([]string{"common", "organizations", "consumers"}, set.tenant) {
		return nil, fmt.Errorf("%s is %q; the id of one directory is required, for example 72f988bf-86f1-41af-91ab-2d7cd011db47", enFieldTenant, set.tenant)
	}
	if set.authority, err = c.FieldString(enFieldAuthority); err != nil {
		return nil, err
	}
	if err = mustBeURL(enFieldAuthority, set.authority); err != nil {
		return nil, err
	}
	if set.audiences, err = required(c, enFieldAudiences, "[ api://helios ]"); err != nil {
		return nil, err
	}
	if set.applications, err = required(c, enFieldApplications, "[ "+eventGridApplication+" ]"); err != nil {
		return nil, err
	}
	return entra(set, env, name), nil
}

func googleFromConfig(c *service.ParsedConfig, env environment, name string) (headerAuth, error) {
	var set googleSettings
	var err error
	if set.audiences, err = required(c, goFieldAudiences, "[ https://helios.example.com/gcp/orders ]"); err != nil {
		return nil, err
	}
	if set.emails, err = required(c, goFieldEmails, "[ pusher@shop.iam.gserviceaccount.com ]"); err != nil {
		return nil, err
	}
	if set.issuer, err = c.FieldString(goFieldIssuer); err != nil {
		return nil, err
	}
	if set.keysURL, err = c.FieldString(goFieldKeys); err != nil {
		return nil, err
	}
	if err = mustBeURL(goFieldKeys, set.keysURL); err != nil {
		return nil, err
	}
	return google(set, env, name), nil
}

func oauthFromConfig(c *service.ParsedConfig, env environment, name string) (headerAuth, error) {
	var set oauthSettings
	from, err := c.FieldString(oaFieldIssuer)
	if err != nil {
		return nil, err
	}
	if from == "" {
		return nil, fmt.Errorf("%s is empty; give the iss of the tokens, for example https://login.example.com/", oaFieldIssuer)
	}
	set.issuers = []string{from}
	if set.keysURL, err = c.FieldString(oaFieldKeys); err != nil {
		return nil, err
	}
	if err = mustBeURL(oaFieldKeys, set.keysURL); err != nil {
		return nil, err
	}
	if set.audiences, err = required(c, oaFieldAudiences, "[ https://helios.example.com ]"); err != nil {
		return nil, err
	}
	set.clients, err = c.FieldStringList(oaFieldClients)
	return oauth(set, env, name), err
}

// requiredSecrets never puts a value into its error.
func requiredSecrets(c *service.ParsedConfig, field string) ([]string, error) {
	list, err := c.FieldStringList(field)
	if err != nil {
		return nil, fmt.Errorf("%s is no list of strings", field)
	}
	if len(list) == 0 || slices.Contains(list, "") {
		return nil, fmt.Errorf("%s is empty or holds an empty value: is the environment variable set that it refers to?", field)
	}
	return list, nil
}

func apiKeyFromConfig(c *service.ParsedConfig) (headerAuth, error) {
	header, err := c.FieldString(akFieldHeader)
	if err != nil {
		return nil, err
	}
	query, err := c.FieldString(akFieldQuery)
	if err != nil {
		return nil, err
	}
	if (header == "") == (query == "") {
		return nil, fmt.Errorf("%s is %q and %s is %q; give exactly one, for example %s: x-api-key", akFieldHeader, header, akFieldQuery, query, akFieldHeader)
	}
	keys, err := requiredSecrets(c, akFieldKeys)
	return &apiKey{header: header, query: query, keys: digests(keys)}, err
}

func basicFromConfig(c *service.ParsedConfig) (headerAuth, error) {
	user, err := c.FieldString(baFieldUser)
	if err != nil {
		return nil, err
	}
	if user == "" {
		return nil, fmt.Errorf("%s is empty", baFieldUser)
	}
	passwords, err := requiredSecrets(c, baFieldPassword)
	return &basic{user: digests([]string{user}), passwords: digests(passwords)}, err
}

func (r *route) hmacFromConfig(c *service.ParsedConfig, env environment) (err error) {
	var set hmacSettings
	for field, place := range map[string]*string{
		hmFieldHeader: &set.header, hmFieldPrefix: &set.prefix, hmFieldAlgorithm: &set.algorithm, hmFieldEncoding: &set.encoding, hmFieldSigned: &set.signed,
		hmFieldTimestampHeader: &set.timestampHeader, hmFieldTimestampPrefix: &set.timestampPrefix, hmFieldIDHeader: &set.idHeader,
	} {
		value, e := c.FieldString(field)
		*place, err = value, errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	if set.header == "" {
		return fmt.Errorf("%s is empty; name the header with the signature, for example X-Hub-Signature-256", hmFieldHeader)
	}
	if set.tolerance, err = c.FieldDuration(hmFieldTolerance); err != nil {
		return err
	}
	if set.secrets, err = requiredSecrets(c, hmFieldSecrets); err != nil {
		return err
	}
	encoding, err := c.FieldString(hmFieldSecretEncoding)
	if err != nil {
		return err
	}
	for i, secret := range set.secrets {
		if set.secrets[i], err = decodeSecret(secret, encoding); err != nil {
			return fmt.Errorf("%s[%d] with %s: %w", hmFieldSecrets, i, hmFieldSecretEncoding, err)
		}
	}
	s, err := newSignature(set, env.now)
	if err != nil {
		return err
	}
	r.header, r.body = s, s
	return nil
}
