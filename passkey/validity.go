package passkey

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// judgeAt judges the validity of the statement's certificates at a time that is not now. The library knows no clock but the
// system's, so it is given copies that are always valid, of certificates that were valid then. It does not look at their own
// signatures; where it does, in formats android-key and apple, it takes certificates past their end by itself.
func judgeAt(o *protocol.AttestationObject, at time.Time) error {
	var err error
	if o.AttStatement, err = statementAt(o.Format, o.AttStatement, at); err != nil {
		return err
	}
	o.SubStatements = slices.Clone(o.SubStatements)
	for i, s := range o.SubStatements {
		if o.SubStatements[i].AttStatement, err = statementAt(s.Format, s.AttStatement, at); err != nil {
			return err
		}
	}
	return nil
}

func statementAt(format string, statement map[string]any, at time.Time) (map[string]any, error) {
	chain, _ := statement["x5c"].([]any)
	switch protocol.AttestationFormat(format) {
	case protocol.AttestationFormatPacked: // all of them
	case protocol.AttestationFormatTPM, protocol.AttestationFormatFIDOUniversalSecondFactor:
		chain = chain[:min(1, len(chain))]
	default:
		return statement, nil
	}
	all, _ := statement["x5c"].([]any)
	all = slices.Clone(all)
	for i := range chain {
		der, _ := chain[i].([]byte)
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			continue // which the library says better
		}
		if at.Before(cert.NotBefore) || at.After(cert.NotAfter) {
			return nil, notVerified(ReasonAttestation, fmt.Errorf("a certificate is valid from %s to %s, and not on %s",
				cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly), at.UTC().Format(time.DateOnly)))
		}
		all[i] = alwaysValid(der)
	}
	if len(all) == 0 {
		return statement, nil
	}
	statement = maps.Clone(statement)
	statement["x5c"] = all
	return statement, nil
}

// alwaysValid is a certificate that is valid from 1970 for as long as its encoding of times can say. der is a certificate.
func alwaysValid(der []byte) []byte {
	out := bytes.Clone(der)
	rest := cryptobyte.String(out)
	var tbs, validity cryptobyte.String
	ok := rest.ReadASN1(&rest, asn1.SEQUENCE) && rest.ReadASN1(&tbs, asn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) && // version
		tbs.SkipASN1(asn1.INTEGER) && // serial number
		tbs.SkipASN1(asn1.SEQUENCE) && // signature algorithm
		tbs.SkipASN1(asn1.SEQUENCE) && // issuer
		tbs.ReadASN1(&validity, asn1.SEQUENCE)
	for _, date := range [][2]string{{"700101000000Z", "19700101000000Z"}, {"491231235959Z", "99991231235959Z"}} {
		var at cryptobyte.String
		var tag asn1.Tag
		if !ok || !validity.ReadAnyASN1(&at, &tag) {
			return der
		}
		text := date[0]
		if tag == asn1.GeneralizedTime {
			text = date[1]
		}
		if len(at) != len(text) {
			return der
		}
		copy(at, text) // into out, which every part is a piece of
	}
	return out
}
