// Package qr draws QR codes (ISO/IEC 18004) as inline SVG that a strict content security policy lets through: no
// script, no style, nothing loaded.
package qr
