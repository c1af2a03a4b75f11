import * as tls from 'node:tls'
import type { MailServer } from '@posthorn/server'
import { Wire } from './wire.ts'

export type Protocol = 'imap' | 'pop3' | 'smtp'
export const protocols = ['imap', 'pop3', 'smtp'] as const

export const b64 = (text: string): string => Buffer.from(text).toString('base64')
export const bearer = (user: string, token: string): string =>
  `OAUTHBEARER ${b64(`n,${user === '' ? '' : `a=${user}`},\x01host=localhost\x01port=993\x01auth=Bearer ${token}\x01\x01`)}`
export const google = (user: string, token: string): string =>
  `XOAUTH2 ${b64(`user=${user}\x01auth=Bearer ${token}\x01\x01`)}`
const verbs = { imap: 'a AUTHENTICATE', pop3: 'AUTH', smtp: 'AUTH' } as const
export const granted = { imap: /^a OK /, pop3: /^\+OK Logged in/, smtp: /^235 2\.7\.0/ }
export const refused = {
  imap: /^a NO \[AUTHENTICATIONFAILED\]/,
  pop3: /^-ERR \[AUTH\]/,
  smtp: /^535 5\.7\.8/,
}
export const later = { imap: /^a NO \[UNAVAILABLE\]/, pop3: /^-ERR \[SYS\/TEMP\]/, smtp: /^454 4\.7\.0/ }

/** Logins with tokens, at a server that is started later. */
export function loginsAt(server: () => MailServer) {
  async function open(protocol: Protocol) {
    const { ports } = server()
    const port = { imap: ports.imaps, pop3: ports.pop3s, smtp: ports.submissions }[protocol]
    const wire = new Wire(tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }))
    await wire.hears(/\r\n$/)
    const say = wire.say.bind(wire)
    if (protocol === 'smtp') await say('EHLO client.example.net', /\r\n250 .*\r\n/)
    return { wire, say, close: () => wire.socket.destroy() }
  }

  /** All that the server says to these lines. */
  async function logIn(
    protocol: Protocol,
    words: string,
    ...more: readonly string[]
  ): Promise<readonly string[]> {
    const client = await open(protocol)
    try {
      const heard = [await client.say(`${verbs[protocol]} ${words}`)]
      for (const line of more) heard.push(await client.say(line))
      return heard
    } finally {
      client.close()
    }
  }

  /** The last line of it. */
  const last = async (...call: Parameters<typeof logIn>): Promise<string> =>
    (await logIn(...call)).at(-1)?.split('\r\n').at(-1) ?? ''

  return { open, logIn, last }
}
