/** Why an account command was refused; `message` is for the administrator. */
export class AccountError extends Error {
  readonly kind: 'invalid-address' | 'invalid-password' | 'no-such-account' | 'account-exists'
  constructor(kind: AccountError['kind'], message: string) {
    super(message)
    this.name = 'AccountError'
    this.kind = kind
  }
}
