import type { Log } from '@posthorn/mail'
import type { SmtpSession } from '@posthorn/smtp'
import { type LookupTable, lookupFirst } from '../tables/index.ts'
import { clientOf } from './session-state.ts'

export type CommandFilter = (line: string, session: SmtpSession) => string

/** What clients say → what they mean. undefined: no table. Postfix: smtpd_command_filter. */
export function createCommandFilter(tables: readonly LookupTable[], log: Log): CommandFilter | undefined {
  if (tables.length === 0) return undefined
  return (given, session) => {
    const line = given.replace(/^[ \t]+/, '')
    const instead = lookupFirst(tables, line)
    if (instead === undefined) return given
    const text = `${clientOf(session)}: replacing client command "${line}" with "${instead}"`
    log({ level: 'info', service: 'smtpd', text })
    return instead
  }
}
