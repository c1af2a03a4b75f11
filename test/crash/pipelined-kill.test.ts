/**
 * kill -9 while one client sends commands that write without waiting for answers: what was answered OK is there, and
 * answers came in the order of the commands. CRASH_ROUNDS=100 npm run test:crash for the long form.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Wire } from '../clients/wire.ts'
import { posthorn, spawnServer } from './spawned-server.ts'

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 6)
const commandsInRound = 600
const user = 'alice@example.org'

async function loggedIn(port: number): Promise<Wire> {
  const wire = await Wire.open(port)
  wire.send(`l1 LOGIN ${user} secret\r\nl2 SELECT INBOX\r\n`)
  await wire.hears(/^l2 OK/m)
  return wire
}

const messageOf = (id: string): string =>
  `Subject: ${id}\r\n\r\n${id} `.padEnd(40 + (id.length % 7) * 900, 'x')

/** A mailbox has room for 59. */
const keywordOf = (round: number): string => `k${round % 50}`

/** APPEND, COPY and STORE in turns. */
function commandOf(round: number, number: number): string {
  const message = messageOf(`r${round}n${number}`)
  if (number % 3 === 0) return `APPEND Box {${message.length}+}\r\n${message}`
  if (number % 3 === 1) return `UID COPY ${1 + (number % 50)} Copies`
  return `UID STORE ${1 + (number % 50)} +FLAGS.SILENT (${keywordOf(round)})`
}

/** `mailbox UID` of what was answered: its subject; `mailbox UID keyword`: the keyword. */
type Ledger = Map<string, string>

function enter(ledger: Ledger, round: number, number: number, line: string): void {
  if (number % 3 === 2) {
    ledger.set(`INBOX ${1 + (number % 50)} ${keywordOf(round)}`, keywordOf(round))
    return
  }
  const uid = /\[APPENDUID \d+ (\d+)\]/.exec(line)?.[1] ?? /\[COPYUID \d+ \d+ (\d+)\]/.exec(line)?.[1]
  assert.ok(uid !== undefined, line)
  const [box, subject] =
    number % 3 === 0 ? ['Box', `r${round}n${number}`] : ['Copies', `seed${1 + (number % 50)}`]
  assert.equal(ledger.has(`${box} ${uid}`), false, `UID ${uid} of ${box} was given twice`)
  ledger.set(`${box} ${uid}`, subject)
}

async function verify(port: number, ledger: Ledger): Promise<void> {
  const wire = await loggedIn(port)
  const found = new Map<string, string>()
  for (const [at, box] of ['INBOX', 'Box', 'Copies'].entries()) {
    wire.heard = ''
    wire.send(`s${at} SELECT ${box}\r\nf${at} UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\n`)
    await wire.hears(new RegExp(`^f${at} OK`, 'm'))
    const rows = wire.heard.matchAll(/FETCH \(UID (\d+) FLAGS \(([^)]*)\)[^{]*\{\d+\}\r\nSubject: (\S+)/g)
    for (const [, uid, flags, subject] of rows) {
      found.set(`${box} ${uid}`, subject!)
      for (const flag of flags!.split(' ')) found.set(`${box} ${uid} ${flag}`, flag)
    }
  }
  wire.close()
  for (const [place, what] of ledger) assert.equal(found.get(place), what, place)
}

test(`kill -9 under commands that were sent without waiting, ${rounds} times`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-pipelined-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  let server = await spawnServer(folder, 'disable_plaintext_auth = no\n')
  t.after(async () => await server.kill())
  await posthorn(folder, 'user', 'add', user, '--password', 'secret')
  const seeds = Array.from({ length: 50 }, (_, at) => messageOf(`seed${at + 1}`))
  const first = await loggedIn(server.imapPort)
  first.send('c1 CREATE Box\r\nc2 CREATE Copies\r\n')
  for (const [at, seed] of seeds.entries()) first.send(`a${at} APPEND INBOX {${seed.length}+}\r\n${seed}\r\n`)
  await first.hears(/^a49 OK/m)
  first.close()

  const ledger: Ledger = new Map()
  for (let round = 0; round < rounds; round++) {
    const wire = await loggedIn(server.imapPort)
    wire.heard = ''
    const numbers = Array.from({ length: commandsInRound }, (_, at) => at)
    wire.send(numbers.map((number) => `p${number} ${commandOf(round, number)}\r\n`).join(''))
    await wire.hears(new RegExp(`^p${5 + ((round * 97) % (commandsInRound - 100))} OK`, 'm'))
    await server.kill()
    await wire.untilClosed()
    const answered = [...wire.heard.matchAll(/^p(\d+) (.*)\r$/gm)]
    for (const [at, [, number, line]] of answered.entries()) {
      assert.equal(Number(number), at, 'answers come in the order of the commands')
      assert.match(line!, /^OK /)
      enter(ledger, round, at, line!)
    }
    server = await spawnServer(folder, 'disable_plaintext_auth = no\n')
    await verify(server.imapPort, ledger)
  }
  assert.equal(await server.stop(), 0)
  assert.match(await posthorn(folder, 'store', 'check'), /: ok/)
})
