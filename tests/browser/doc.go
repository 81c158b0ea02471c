// Package browser looks at the console and the pages of the API with a real
// Chromium, as a person would: how fast they are, how they fit, what they do with
// hostile contents and with servers that go away. A test is skipped where Chromium
// isn't installed, unless the environment says HELIOS_REQUIRE_SERVERS=1: then it
// fails.
package browser
