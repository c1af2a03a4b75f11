import type { Log } from '@posthorn/mail'
import { after } from '../receive/answer.ts'
import { createDomainList, type TableContext, type Tables } from '../tables/index.ts'
import { policyLogText } from './reply-text.ts'
import { clientSubject, type PolicyRequest, recipientSubject, type Subject } from './request.ts'
import type { Check } from './restriction.ts'

/** What is logged of restrictions and tables that permit. Postfix: smtpd_log_access_permit_actions. */
export interface PermitLog {
  /** A restriction by its name; the check itself where nothing of it is logged. */
  watched(name: string, check: Check): Check
  /** What an access table has said. */
  table(action: string, table: string, subject: Subject, request: PolicyRequest): void
}

/** undefined: nothing is logged. Throws TableError. */
export function createPermitLog(
  words: readonly string[],
  log: Log,
  context: TableContext & { readonly tables: Tables },
): PermitLog | undefined {
  if (words.length === 0) return undefined
  const actions = createDomainList(words, context)
  // What is thrown away nobody permits any more.
  const discarded = new WeakSet<PolicyRequest>()
  const say = (
    request: PolicyRequest,
    action: string,
    { name, class: kind }: Subject,
    from: string,
  ): void => {
    const text = policyLogText('permit', request, `action=${action} for ${kind}=${name} ${from}`)
    log({
      level: 'info',
      service: 'smtpd',
      queueId: request.queueId === '' ? 'NOQUEUE' : request.queueId,
      text,
    })
  }
  return {
    watched(name, check) {
      if (!name.startsWith('permit') || !actions.has(name)) return check
      return (request, subject, depth) =>
        after(check(request, subject, depth), (verdict) => {
          if (verdict.kind === 'permit' && !discarded.has(request))
            say(request, name, subjectFor(name, request, subject), '')
          return verdict
        })
    },
    table(action, table, subject, request) {
      if (/^discard$/i.test(action)) discarded.add(request)
      if (actions.has(action.toLowerCase())) say(request, action, subject, `from ${table}`)
    },
  }
}

/** What a restriction looks at, whatever list it stands in. */
function subjectFor(name: string, request: PolicyRequest, subject: Subject): Subject {
  if (name === 'permit') return subject
  return name === 'permit_auth_destination' || name === 'permit_mx_backup'
    ? recipientSubject(request)
    : clientSubject(request)
}
