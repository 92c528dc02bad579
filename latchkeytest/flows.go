package latchkeytest

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// Register makes an account. Without confirmation by mail its owner is signed in.
func (c *Client) Register(email, password string) *Reply {
	c.t.Helper()
	return c.Post("/register", map[string]any{"email": email, "password": password})
}

// Login signs in with the password: wholly, or up to the second factor.
func (c *Client) Login(email, password string) *Reply {
	c.t.Helper()
	return c.Post("/login", map[string]any{"email": email, "password": password})
}

// Logout ends the session.
func (c *Client) Logout() *Reply {
	c.t.Helper()
	return c.Post("/logout", nil)
}

// Verify proves again who is signed in, by the password.
func (c *Client) Verify(password string) *Reply {
	c.t.Helper()
	return c.Post("/verify", map[string]any{"password": password})
}

// Passkeys lists the account's passkeys, in registered_credentials.
func (c *Client) Passkeys() *Reply {
	c.t.Helper()
	return c.Get("/wan-register")
}

// DeletePasskey removes one by its nickname.
func (c *Client) DeletePasskey(name string) *Reply {
	c.t.Helper()
	return c.Post("/wan-delete", map[string]any{"name": name})
}

// AddPasskey registers a new passkey of the device; usage is "first" or "secondary". The answer is the last one: the start's if
// that was refused.
func (c *Client) AddPasskey(name, usage string, changes ...func(*Ceremony)) *Reply {
	c.t.Helper()
	start := c.Post("/wan-register", map[string]any{"name": name, "usage": usage})
	return c.finish("/wan-register/", start, c.Device.Create, nil, changes)
}

// SigninWithPasskey signs in with a passkey of the device: as the first factor, or as the second after [Client.Login]. With an empty
// email the passkey must be discoverable.
func (c *Client) SigninWithPasskey(email string, changes ...func(*Ceremony)) *Reply {
	c.t.Helper()
	start := c.Post("/wan-signin", map[string]any{"identity": email})
	return c.finish("/wan-signin/", start, c.Device.Get, nil, changes)
}

// VerifyWithPasskey proves again who is signed in, by a passkey of the device.
func (c *Client) VerifyWithPasskey(changes ...func(*Ceremony)) *Reply {
	c.t.Helper()
	return c.finish("/wan-verify/", c.Post("/wan-verify", nil), c.Device.Get, nil, changes)
}

// SigninForToken is SigninWithPasskey that keeps the bearer token it asks for in [Client.Token].
func (c *Client) SigninForToken(email string, changes ...func(*Ceremony)) *Reply {
	c.t.Helper()
	start := c.Post("/wan-signin", map[string]any{"identity": email})
	r := c.finish("/wan-signin/", start, c.Device.Get, url.Values{"include_auth_token": {""}}, changes)
	if user, ok := r.Response["user"].(map[string]any); ok {
		c.Token, _ = user["authentication_token"].(string)
	}
	return r
}

// finish lets the device answer the options of a start, and sends its answer to the state.
func (c *Client) finish(path string, start *Reply, answer func([]byte, string, ...func(*Ceremony)) ([]byte, error), query url.Values, changes []func(*Ceremony)) *Reply {
	c.t.Helper()
	if start.Status != http.StatusOK {
		return start
	}
	options, err := json.Marshal(start.Response["credential_options"])
	if err != nil {
		c.t.Fatalf("latchkeytest: %v", err)
	}
	credential, err := answer(options, c.Origin, changes...)
	if err != nil {
		c.t.Fatal(err)
	}
	path += url.PathEscape(start.Text("wan_state"))
	if query != nil {
		path += "?" + query.Encode()
	}
	// As text and not as an object: a test may have made it anything but JSON.
	return c.Post(path, map[string]any{"credential": string(credential)})
}
