export type StoreErrorKind =
  | 'no-such-account'
  | 'account-exists'
  | 'no-such-mailbox'
  | 'no-such-group'
  | 'group-exists'
  | 'too-large'
  | 'mailbox-exists'
  | 'invalid-name'
  | 'has-children'
  | 'no-such-message'
  | 'no-such-queue-entry'
  | 'over-quota'
  | 'limit'
  | 'no-space'
  | 'in-use'
  | 'corrupt'
  | 'read-only'
  | 'newer-version'
  | 'closed'

/** The only error the store throws on purpose. `message` reads `Cannot open mailbox "x": …`. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind
  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.kind = kind
  }
}
