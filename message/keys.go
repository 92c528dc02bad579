package message

// Key names a text. The keys below are the wire contract's: programs see them in error_codes. Texts of pages have keys
// that begin with "page.", texts of mails "mail.".
type Key string

const (
	WebAuthnExpired             Key = "WEBAUTHN_EXPIRED"
	WebAuthnNameRequired        Key = "WEBAUTHN_NAME_REQUIRED"
	WebAuthnNameInUse           Key = "WEBAUTHN_NAME_INUSE"
	WebAuthnNameNotFound        Key = "WEBAUTHN_NAME_NOT_FOUND"
	WebAuthnCredentialDeleted   Key = "WEBAUTHN_CREDENTIAL_DELETED"
	WebAuthnRegisterSuccessful  Key = "WEBAUTHN_REGISTER_SUCCESSFUL"
	WebAuthnCredentialIDInUse   Key = "WEBAUTHN_CREDENTIAL_ID_INUSE"
	WebAuthnUnknownCredentialID Key = "WEBAUTHN_UNKNOWN_CREDENTIAL_ID"
	WebAuthnNoVerify            Key = "WEBAUTHN_NO_VERIFY"
	WebAuthnWrongUsage          Key = "WEBAUTHN_CREDENTIAL_WRONG_USAGE"
	WebAuthnMismatchUserHandle  Key = "WEBAUTHN_MISMATCH_USER_HANDLE"
	APIError                    Key = "API_ERROR"
	InvalidInput                Key = "INVALID_INPUT"
	InvalidInputLength          Key = "INVALID_INPUT_LENGTH" // Max
	DisabledAccount             Key = "DISABLED_ACCOUNT"
	Unauthenticated             Key = "UNAUTHENTICATED"
	Unauthorized                Key = "UNAUTHORIZED"
	ReauthenticationRequired    Key = "REAUTHENTICATION_REQUIRED"
	ReauthenticationSuccessful  Key = "REAUTHENTICATION_SUCCESSFUL"
	AnonymousUserRequired       Key = "ANONYMOUS_USER_REQUIRED"
	TwoFactorInvalidToken       Key = "TWO_FACTOR_INVALID_TOKEN"
	TwoFactorLoginSuccessful    Key = "TWO_FACTOR_LOGIN_SUCCESSFUL"
	TwoFactorChangeSuccessful   Key = "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL"
	TwoFactorPermissionDenied   Key = "TWO_FACTOR_PERMISSION_DENIED"
	TwoFactorMethodNotAvailable Key = "TWO_FACTOR_METHOD_NOT_AVAILABLE"
	TwoFactorDisabled           Key = "TWO_FACTOR_DISABLED"
	TwoFactorSetupExpired       Key = "TWO_FACTOR_SETUP_EXPIRED"
	InvalidRecoveryCode         Key = "INVALID_RECOVERY_CODE"
	NoRecoveryCodesSetup        Key = "NO_RECOVERY_CODES_SETUP"
	FailedToSendCode            Key = "FAILED_TO_SEND_CODE"
	CodeHasBeenSent             Key = "CODE_HAS_BEEN_SENT"
	PhoneInvalid                Key = "PHONE_INVALID"
	InvalidPassword             Key = "INVALID_PASSWORD"
	PasswordNotProvided         Key = "PASSWORD_NOT_PROVIDED"
	UserDoesNotExist            Key = "USER_DOES_NOT_EXIST"
	GenericAuthnFailed          Key = "GENERIC_AUTHN_FAILED"
	EmailInvalid                Key = "EMAIL_INVALID"
	EmailInUse                  Key = "EMAIL_INUSE"
	PasswordTooShort            Key = "PASSWORD_TOO_SHORT" // Min
	PasswordTooLong             Key = "PASSWORD_TOO_LONG"  // Max
	PasswordTooCommon           Key = "PASSWORD_TOO_COMMON"
	ConfirmationRequired        Key = "CONFIRMATION_REQUIRED"
	LastWayIn                   Key = "LAST_WAY_IN"
	LastSecondFactor            Key = "LAST_SECOND_FACTOR"
	SessionNotFound             Key = "SESSION_NOT_FOUND"
	TooManyAttempts             Key = "TOO_MANY_ATTEMPTS"
	CredentialReplayed          Key = "CREDENTIAL_REPLAYED"

	// PasswordMismatch is a text only: its code is InvalidPassword.
	PasswordMismatch Key = "PASSWORD_MISMATCH"
	// StepClosed is a text only: its code is TooManyAttempts.
	StepClosed Key = "STEP_CLOSED"
	// Denied and DeniedWith are texts only, of what an app's own hook refuses: their code is Unauthorized. DeniedWith: {{.Text}}
	Denied     Key = "DENIED"
	DeniedWith Key = "DENIED_WITH"
	// PasskeysTooMany is a text only: its code is APIError. {{.Max}}
	PasskeysTooMany Key = "PASSKEYS_TOO_MANY"
)
