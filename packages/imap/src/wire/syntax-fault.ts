/** The command breaks the grammar, or says something that cannot be meant: answered with BAD. */
export class SyntaxFault extends Error {
  /** Response code without its brackets; undefined for none. */
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.name = 'SyntaxFault'
    this.code = code
  }
}

/** RFC 9586 §3.1. */
export function uidRequired(): SyntaxFault {
  return new SyntaxFault('Message sequence numbers are not allowed after ENABLE UIDONLY', 'UIDREQUIRED')
}
