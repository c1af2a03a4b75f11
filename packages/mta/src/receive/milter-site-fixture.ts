import { after } from 'node:test'
import {
  type MilterScript,
  milterFrame,
  number32,
  type ScriptedMilter,
  startMilter,
} from '../milter/testkit/scripted-milter-fixture.ts'
import { openMailFixture } from './mail-fixture.ts'

/** A whole receiving side that asks scripted milters; both end with the tests of the file. */

const cleanups: (() => Promise<void>)[] = []
after(async () => {
  for (const clean of cleanups.reverse()) await clean()
})

export const stranger = { clientAddress: '198.51.100.5' }
export const message = 'Subject: hi\r\nX-Old:  one\r\nX-Old: two\r\n\r\nbody\r\n.dot\r\n'

export async function milterOf(script: MilterScript): Promise<ScriptedMilter> {
  const milter = await startMilter(script)
  cleanups.push(milter.close)
  return milter
}

const waits = (ms: number) => ({ commandTimeoutMs: ms, contentTimeoutMs: ms, connectTimeoutMs: ms })

/** For filters that say nothing: who waits for an answer that does come may be on a busy machine. */
export const impatient = waits(400)

export async function site(smtpd: readonly string[], over: object = {}, files: Record<string, string> = {}) {
  const mail = await openMailFixture({
    milters: { smtpd, ...waits(30_000), ...over },
    files,
  })
  cleanups.push(mail.close)
  return mail
}

export type Site = Awaited<ReturnType<typeof site>>

export const sent = async (mail: Site, text = message, to = ['alice@example.org']) =>
  (await mail.say(await mail.session(stranger), 'x@far.net', to, text)).at(-1)

/** The message as it lies in the mailbox, below the trace fields. */
export const stored = async (mail: Site, address = 'alice@example.org') =>
  (await mail.inbox(address)).map((text) =>
    text.slice(text.indexOf('12:00:00 +0000') + '12:00:00 +0000\r\n'.length),
  )

export const logged = (mail: Site) => mail.lines().filter((line) => /milter/i.test(line))

/** Frames of a reply. */
export const code = (text: string) => [milterFrame('y', `${text}\0`)]
export const one = (letter: string) => [milterFrame(letter)]
export const addHeader = (name: string, value: string) => milterFrame('h', `${name}\0${value}\0`)
export const insertHeader = (index: number, name: string, value: string) =>
  milterFrame('i', Buffer.concat([number32(index), Buffer.from(`${name}\0${value}\0`)]))
export const changeHeader = (index: number, name: string, value: string) =>
  milterFrame('m', Buffer.concat([number32(index), Buffer.from(`${name}\0${value}\0`)]))
export const go = milterFrame('c')
