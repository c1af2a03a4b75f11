/**
 * What commands of the shell ask of the running server, over DATA/control.sock: one line of JSON each way.
 *
 *   {"cmd":"status"}             → {"ok":true,"status":{…}}
 *   {"cmd":"stats"}              → {"ok":true,"stats":{…}}
 *   {"cmd":"reload"}             → {"ok":true,"changed":["…"],"needRestart":["…"]} or {"ok":false,"error":"main.cf:3: …"}
 *   {"cmd":"stop"}               → {"ok":true,"pid":4711}; the server ends after the answer
 *   {"cmd":"flush"}              → {"ok":true}: all mail is tried now, to hosts found dead too
 *   {"cmd":"flushDomain","domain":"example.org"} → {"ok":true}: mail for it is tried now, wherever it waits
 *   {"cmd":"who","user":"al*","network":"192.0.2.0/24"} → {"ok":true,"logins":[…]}: who has logged in, of each process; both may be left out
 *   {"cmd":"kick",…the same}     → {"ok":true,"count":2}: ends their sessions
 *   {"cmd":"wake","wake":{…}}    → {"ok":true}: a command changed the store
 */

import type { LoginChoice, LoginRow } from '@posthorn/accounts'
import { type LocalServer, serveLocalSocket } from '@posthorn/net/local-socket'
import type { Wake } from '@posthorn/storage'
import { inOneLine } from '../start-error.ts'

export interface ControlActions {
  status(): Promise<unknown>
  stats(): Promise<unknown>
  reload(): Promise<{ readonly changed: readonly string[]; readonly needRestart: readonly string[] }>
  stop(): void
  flushDomain(domain: string): Promise<void>
  logins(choice: LoginChoice): Promise<readonly LoginRow[]>
  kick(choice: LoginChoice): Promise<number>
  wake(wake: Wake): void
}

type Question = Readonly<Partial<Record<'cmd' | 'wake' | 'domain' | 'user' | 'network', unknown>>>

const choiceOf = ({ user, network }: Question): LoginChoice => ({
  ...(typeof user === 'string' ? { user } : {}),
  ...(typeof network === 'string' ? { network } : {}),
})

function isWake(value: unknown): value is Wake {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    ['mailbox', 'mailboxes', 'queue', 'accounts'].includes(String(value.kind))
  )
}

async function answer(question: Question, actions: ControlActions): Promise<unknown> {
  switch (question.cmd) {
    case 'status':
      return { ok: true, status: await actions.status() }
    case 'stats':
      return { ok: true, stats: await actions.stats() }
    case 'reload':
      return { ok: true, ...(await actions.reload()) }
    case 'stop':
      // After the answer is on its way: the asker waits for it, then for the end of the process.
      setImmediate(() => actions.stop())
      return { ok: true, pid: process.pid }
    case 'flush':
      actions.wake({ kind: 'queue', flushed: '' })
      return { ok: true }
    case 'flushDomain':
      if (typeof question.domain !== 'string') return { ok: false, error: 'flushDomain: no domain' }
      await actions.flushDomain(question.domain)
      return { ok: true }
    case 'who':
      return { ok: true, logins: await actions.logins(choiceOf(question)) }
    case 'kick':
      return { ok: true, count: await actions.kick(choiceOf(question)) }
    case 'wake':
      if (!isWake(question.wake)) return { ok: false, error: 'wake: unknown kind' }
      actions.wake(question.wake)
      return { ok: true }
    default:
      return { ok: false, error: `unknown command ${JSON.stringify(question.cmd)}` }
  }
}

/** Serves the control socket. A refusal of an action (a faulty main.cf at reload) is an answer, not a fault. */
export async function serveControl(path: string, actions: ControlActions): Promise<LocalServer> {
  return await serveLocalSocket(path, async (question) => {
    try {
      return await answer((question ?? {}) as Question, actions)
    } catch (error) {
      return { ok: false, error: inOneLine(error) }
    }
  })
}
