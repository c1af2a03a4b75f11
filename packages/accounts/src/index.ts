export { AccountError } from './account-error.ts'
export {
  type Accounts,
  type AccountsParts,
  createAccounts,
  type NewAccount,
} from './accounts.ts'
export type { Authenticator, Credentials, LoginClient, LoginRefusal, LoginResult } from './authenticator.ts'
export type { AccountOptions } from './options.ts'
