export { AccountError } from './account-error.ts'
export {
  type Accounts,
  type AccountsParts,
  createAccounts,
  type NewAccount,
} from './accounts.ts'
export type { Authenticator, Credentials, LoginClient, LoginRefusal, LoginResult } from './authenticator.ts'
export type { LoginEnd } from './logins/login-end.ts'
export type { LoginChoice, LoginRow } from './logins/login-rows.ts'
export { createLogins, type Login, type Logins } from './logins/logins.ts'
export type { AccountOptions } from './options.ts'
export { makePassword, passwordMakers } from './schemes/make-password.ts'
export {
  passwordSchemes,
  storedPasswordProblem,
  storedScheme,
  verifyStored,
} from './schemes/stored-password.ts'
export { createPasswdFile } from './sources/passwd-file.ts'
export { isShadowLine, type PasswdLine, parsePasswdLine, parseShadowLine } from './sources/passwd-line.ts'
export {
  noSources,
  type SourceUser,
  type SourceVerdict,
  sourceName,
  type UserSource,
  type UserSources,
} from './sources/user-source.ts'
export { type AskHttp, createIntrospection, type IntrospectionSettings } from './tokens/introspection.ts'
export { createKeyFolder } from './tokens/key-folder.ts'
export { createKeySet } from './tokens/key-set.ts'
export { createLocalValidation, type LocalValidationSettings } from './tokens/local-validation.ts'
export type { TokenRules } from './tokens/token-claims.ts'
export type { TokenKeys } from './tokens/token-keys.ts'
export type { TokenValidator, TokenVerdict } from './tokens/token-validator.ts'
