import { StoreError, type StoreErrorKind } from '@posthorn/storage'
import { bad, type Completion, no } from './commands/command.ts'
import { SyntaxFault } from './wire/syntax-fault.ts'
import { UndefinedFilter } from './wire/undefined-filter.ts'

/** A refusal decided by a command: NO [code] text. Thrown where a return value would have to travel far. */
export class Refusal extends Error {
  /** RFC 5530 §3; '' = none. */
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.name = 'Refusal'
    this.code = code
  }
}

interface Row {
  /** RFC 5530 §3, RFC 9051 §7.1. */
  readonly code: string
  /** Said instead of the error's own message, which may name what is ours alone. */
  readonly text?: string
  /** `fault`: the administrator must hear of it. */
  readonly log: 'fault' | 'silent'
}

const refusal = (code: string): Row => ({ code, log: 'silent' })
const fault = (code: string, text: string): Row => ({ code, text, log: 'fault' })
const internal = fault('SERVERBUG', 'Internal error occurred. Refer to server log for more information.')

/** What the store cannot do, in IMAP's words. */
const rows: Readonly<Record<StoreErrorKind, Row>> = {
  'no-such-account': { code: 'UNAVAILABLE', text: 'The account was removed', log: 'silent' },
  'account-exists': internal,
  'no-such-mailbox': refusal('NONEXISTENT'),
  'no-such-group': refusal('NONEXISTENT'),
  'group-exists': internal,
  'too-large': refusal('TOOBIG'),
  'mailbox-exists': refusal('ALREADYEXISTS'),
  'invalid-name': refusal('CANNOT'),
  'has-children': refusal('HASCHILDREN'),
  'no-such-message': { code: 'EXPUNGEISSUED', text: 'Some of the messages no longer exist', log: 'silent' },
  'no-such-queue-entry': internal,
  'over-quota': { code: 'OVERQUOTA', text: 'Quota exceeded (mailbox for user is full)', log: 'silent' },
  limit: refusal('LIMIT'),
  'no-space': fault('UNAVAILABLE', 'The server has no room left; try again later'),
  'in-use': refusal('INUSE'),
  corrupt: fault('CORRUPTION', 'Some of the data is damaged; the administrator has been told'),
  'read-only': fault('UNAVAILABLE', 'The mail store is read-only for now'),
  'newer-version': fault('UNAVAILABLE', 'The mail store cannot be used for now'),
  closed: { code: 'UNAVAILABLE', text: 'The server is shutting down', log: 'silent' },
}

export interface Verdict {
  readonly completion: Completion
  readonly log: 'fault' | 'silent'
}

/**
 * The tagged answer to whatever a command threw: syntax → BAD, refusal → NO [CODE], anything else is our
 * fault → NO [SERVERBUG].
 * @param command for the text of BAD, '' when it is not known
 */
export function verdictOn(error: unknown, command: string): Verdict {
  if (error instanceof SyntaxFault) {
    const where = command === '' ? '' : ` in IMAP command ${command}`
    const completion = bad(sayable(`Error${where}: ${error.message}`))
    const { code } = error
    return { completion: code === undefined ? completion : { ...completion, code }, log: 'silent' }
  }
  if (error instanceof Refusal || error instanceof UndefinedFilter) {
    return {
      completion: no(sayable(error.message), error.code === '' ? undefined : error.code),
      log: 'silent',
    }
  }
  const row = error instanceof StoreError ? rows[error.kind] : internal
  const text = row.text ?? (error as Error).message
  return { completion: no(sayable(text), row.code), log: row.log }
}

/** resp-text: printable ASCII, bounded. RFC 9051 §9. */
function sayable(text: string): string {
  return text.slice(0, 400).replace(/[^\x20-\x7e]/g, '?')
}
