import { linesPerSlice, logicalLines } from './logical-lines.ts'
import { type LookupTable, TableError, type TableType } from './table.ts'
import { openTableFile, type Parse } from './table-file.ts'

/** Which rows of the file count, and what they say to the restriction that asks. */
type View = 'connect' | 'from' | 'to' | 'relay' | 'relay-to'

const tagsOf: Readonly<Record<View, readonly string[]>> = {
  connect: ['connect', ''],
  from: ['from', ''],
  to: ['to', ''],
  relay: ['connect', ''],
  'relay-to': ['to', ''],
}

/** Those of cf/README, in lower case: rows of another question are passed over, slips are told. */
const sendmailTags: ReadonlySet<string> = new Set(
  'connect from to spam tls_srv tls_clt tls_rcpt tls_srv_features tls_clt_features try_tls srv_features clt_features authinfo clientrate clientconn greetpause certissuer certsubject'.split(
    ' ',
  ),
)

const isView = (text: string): text is View => Object.hasOwn(tagsOf, text)

const usage =
  'expected sendmail:VIEW:FILE, where VIEW is connect, from, to, relay or relay-to: sendmail:connect:/etc/mail/access'

/**
 * sendmail's access file as it is, for a site that keeps it. Views: `connect` for check_client_access, `from` for
 * check_sender_access, `to` for check_recipient_access; `relay` and `relay-to` are the rows that say RELAY, for
 * check_client_access and check_recipient_access in smtpd_relay_restrictions. cf/README, "Access database".
 */
export const sendmailAccess: TableType = (argument, spec, context): LookupTable => {
  const colon = argument.indexOf(':')
  const view = argument.slice(0, Math.max(0, colon))
  const path = argument.slice(colon + 1)
  if (!isView(view) || path === '') throw new TableError(spec, usage)
  const file = openTableFile(path, spec, context, parseAccess(view))
  return {
    name: spec,
    match: 'fixed',
    lookup: (key) => file.current().get(key.toLowerCase()),
    entries: () => file.current(),
    refresh: file.refresh,
  }
}

/** A row with a tag goes before one without; else the first of equal keys counts. */
const parseAccess = (view: View): Parse<ReadonlyMap<string, string>> =>
  function* (text, warn) {
    const rows = new Map<string, { readonly action: string; readonly isTagged: boolean }>()
    let count = 0
    for (const { text: line, number } of logicalLines(text)) {
      if (++count % linesPerSlice === 0) yield
      const match = /^(\S+)\s+(\S.*)$/.exec(line.trim())
      if (match === null) {
        warn(number, `expected: key action (found ${JSON.stringify(line.slice(0, 80))})`)
        continue
      }
      const { tag, key } = splitTag(match[1]!)
      if (!tagsOf[view].includes(tag)) {
        if (!sendmailTags.has(tag)) warn(number, `unknown tag: ${match[1]!.slice(0, 80)}`)
        continue
      }
      const action = actionOf(match[2]!, view)
      if (action === undefined) warn(number, `unknown action: ${JSON.stringify(match[2]!.slice(0, 80))}`)
      else if (action !== '') {
        const known = rows.get(key)
        const isTagged = tag !== ''
        if (known === undefined || (isTagged && !known.isTagged)) rows.set(key, { action, isTagged })
      }
    }
    return new Map([...rows].map(([key, { action }]) => [key, action]))
  }

/** `Connect:192.168.1`, `From:user@`, `IPv6:2001:db8`; others (`Spam:`, `TLS_Rcpt:`, `ClientRate:`) have tags of their own. */
function splitTag(text: string): { readonly tag: string; readonly key: string } {
  const word = /^([A-Za-z_]+):/.exec(text)?.[1]?.toLowerCase()
  const tag = word === undefined || word === 'ipv6' ? '' : word
  const rest = tag === '' ? text : text.slice(tag.length + 1)
  const key = rest
    .toLowerCase()
    .replace(/^ipv6:/, '')
    .replace(/\.$/, '')
  return { tag, key }
}

/** In access(5)'s words; '' = this row says nothing to this view; undefined: no action of sendmail's. */
function actionOf(text: string, view: View): string | undefined {
  const word = /^[A-Za-z]+/.exec(text)?.[0].toUpperCase() ?? ''
  if (view === 'relay' || view === 'relay-to') return word === 'RELAY' ? 'OK' : ''
  switch (word) {
    case 'OK':
    case 'RELAY':
      return 'OK'
    case 'REJECT':
      return 'REJECT'
    case 'DISCARD':
      return 'DISCARD'
    case 'SKIP':
    case 'DELAY':
    case 'FRIEND':
    case 'HATER':
      return 'DUNNO'
    case 'QUARANTINE':
      return `HOLD ${text.slice('quarantine'.length).replace(/^:/, '')}`.trim()
    case 'ERROR':
      return errorReply(text.slice('error'.length).replace(/^:/, ''))
    case '':
      return errorReply(text)
    default:
      return undefined
  }
}

/** `550 text`, `"550 text"`, `5.7.1:"550 text"`, `5.7.1:550 text`. */
function errorReply(given: string): string | undefined {
  const status = /^([45]\.\d{1,3}\.\d{1,3}):/.exec(given)?.[1]
  const rest = status === undefined ? given : given.slice(status.length + 1)
  const text = rest
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .trim()
  const match = /^([45]\d\d)(?:[ -](.*))?$/.exec(text)
  if (match === null) return undefined
  const words = (match[2] ?? '').trim()
  const own = /^[45]\.\d{1,3}\.\d{1,3}(?= |$)/.test(words)
  return [match[1], own ? '' : (status ?? ''), words === '' ? 'Access denied' : words]
    .filter(Boolean)
    .join(' ')
}
