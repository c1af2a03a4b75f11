/** Power fails at the nth call of the file layer: what a tagged OK said before is so after the next start. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import type { Maintenance, Store } from '@posthorn/storage'
import { FaultyFileLayer } from '../../../storage/src/testkit/faulty-file-layer.ts'
import type { ImapOptions } from '../session/options.ts'
import { type ImapFixture, type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'

const options: Partial<ImapOptions> = { administrators: new Set(['alice@example.org']) }
const firstSeed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000)
const stride = 9

const literal = (text: string): string => `{${text.length}+}\r\n${text}`
const message = (n: number, octets = 300): string =>
  literal(`Subject: m${n}\r\n\r\n${`${n}`.repeat(octets).slice(0, octets)}\r\n`)

/** Each changes something that can be seen. */
const commands: readonly string[] = [
  'CREATE a',
  'CREATE a/b/c (USE (\\Flagged))',
  'SUBSCRIBE a/b/c',
  `APPEND INBOX ${message(1)}`,
  `APPEND INBOX (\\Seen) ${message(2)}`,
  `APPEND a ${message(3, 300_000)}`,
  `APPEND INBOX ${message(4)} (\\Flagged k1) ${message(5)} ${message(6)}`,
  `APPEND a ${Array.from({ length: 12 }, (_, n) => message(20 + n)).join(' ')}`,
  'SELECT INBOX',
  'STORE 1 +FLAGS (\\Seen)',
  'STORE 2:3 +FLAGS.SILENT (k2)',
  'UID STORE 1:* -FLAGS (\\Seen)',
  'COPY 1:2 a',
  'UID COPY 1:3 a/b',
  `APPEND a/b ${message(7)}`,
  'STORE 1 +FLAGS (\\Answered)',
  'COPY 3 a',
  'MOVE 2 a/b/c',
  'UID MOVE 3 a/b/c',
  `REPLACE 1 INBOX (k3) ${message(8)}`,
  `REPLACE 1 a ${message(9)}`,
  'STORE 1 +FLAGS.SILENT (\\Deleted)',
  'EXPUNGE',
  'STORE 1 FLAGS (\\Deleted)',
  'UID EXPUNGE 1:*',
  'RENAME a/b a/z',
  'SUBSCRIBE a/z',
  'UNSUBSCRIBE a/b/c',
  'SETACL a bob@example.org lrs',
  'SETACL a bob@example.org +i',
  'DELETEACL a/z bob@example.org',
  'SETACL a/z bob@example.org lr',
  'SETMETADATA a (/private/comment "one")',
  'SETMETADATA "" (/private/comment "two")',
  'SETMETADATA a (/private/comment NIL)',
  'SETQUOTA "User quota" (STORAGE 9000)',
  'CREATE gone',
  `APPEND gone ${message(10)}`,
  'DELETE gone',
  `APPEND INBOX ${message(11)}`,
  'RENAME INBOX old',
  'SELECT a',
  'STORE 1:3 +FLAGS.SILENT (\\Deleted)',
  'CLOSE',
]

/** All of it that clients see, as text. */
async function seen(fixture: ImapFixture): Promise<string> {
  const client = await fixture.login()
  const lines: string[] = []
  const ask = async (command: string): Promise<string[]> => {
    const answer = (await client.command(command)).slice(0, -1)
    lines.push(command, ...answer)
    return answer
  }
  const listed = await ask('LIST "" * RETURN (SUBSCRIBED SPECIAL-USE)')
  await ask('LSUB "" *')
  await ask('GETMETADATA (DEPTH infinity) "" (/private)')
  await ask('GETQUOTA "User quota"')
  for (const line of listed) {
    const name = /\/"? (\S+)$/.exec(line)?.[1] as string
    if (/NonExistent|Noselect/.test(line)) continue
    await ask(`GETACL ${name}`)
    await ask(`GETMETADATA (DEPTH infinity) ${name} (/private)`)
    const selected = await client.command(`EXAMINE ${name}`)
    if (selected.some((each) => /^\* 0 EXISTS/.test(each))) continue
    await ask('FETCH 1:* (UID FLAGS BODY.PEEK[])')
  }
  client.destroy()
  return lines.join('\n').replaceAll(/ \\Recent|\\Recent ?/g, '')
}

const after: Pick<TestContext, 'after'> = { after: () => undefined }

/** Of commands that never end, among others. */
function forgetTimersAfterwards(t: TestContext): void {
  const intervals: NodeJS.Timeout[] = []
  const { setInterval: real } = globalThis
  t.mock.method(globalThis, 'setInterval', ((...given: Parameters<typeof setInterval>) => {
    const timer = real(...given)
    intervals.push(timer)
    return timer
  }) as typeof setInterval)
  t.after(() => intervals.forEach(clearInterval))
}

/** What is seen before the first command and after each. */
async function statesOf(
  t: TestContext,
  files: FaultyFileLayer,
): Promise<{ opening: number; states: string[] }> {
  const fixture = await startImapFixture(t, options, { store: { files, stepMessages: 5 } })
  const opening = files.calls
  const client = await fixture.login()
  const states = [await seen(fixture)]
  for (const command of commands) {
    await client.ok(command)
    states.push(await seen(fixture))
  }
  return { opening, states }
}

/** How many commands had their OK when the power failed, and the store as it could be then. */
async function failPower(atCall: number, seed: number): Promise<{ acknowledged: number; left: string }> {
  const files = new FaultyFileLayer({ kind: 'power', atCall }, seed)
  // Neither the store nor the commands under way end any more.
  const fixture = await startImapFixture(after, options, { store: { files, stepMessages: 5 } })
  const client = await fixture.login()
  let acknowledged = 0
  const reading = readOks(client, () => acknowledged++)
  client.send(commands.map((command, n) => `c${n} ${command}\r\n`).join(''))
  await Promise.race([files.down, reading])
  // What runs beside may still succeed: the worst case.
  await new Promise((resolve) => setTimeout(resolve, 20))
  const left = `${fixture.directory}-left`
  const answered = acknowledged
  files.loseUnsynced(fixture.directory, left)
  client.destroy()
  await fixture.listener.close()
  void fixture.service.close(0)
  void fixture.store.close().catch(() => undefined)
  await rm(fixture.directory, { recursive: true })
  return { acknowledged: answered, left }
}

async function readOks(client: RawClient, ok: () => void): Promise<void> {
  for (let n = 0; n < commands.length; ) {
    const line = await client.line()
    if (line === undefined) return
    if (!line.startsWith(`c${n} `)) continue
    assert.match(line, /^c\d+ OK/, commands[n])
    ok()
    n++
  }
}

test('what was pipelined and had its OK is there when the power fails then', async (t) => {
  // Stores without power say so until the end.
  t.mock.method(process, 'emitWarning', () => undefined)
  forgetTimersAfterwards(t)
  const files = new FaultyFileLayer({ kind: 'none' })
  const { opening, states } = await statesOf(t, files)
  let most = 0
  for (let atCall = opening + 1 + (firstSeed % stride); ; atCall += stride) {
    const { acknowledged, left } = await failPower(atCall, firstSeed + atCall)
    const again = await startImapFixture(t, options, { directory: left })
    const found = await seen(again)
    const state = states.indexOf(found, acknowledged)
    if (state === -1)
      assert.equal(
        found,
        states[acknowledged],
        `FUZZ_SEED=${firstSeed}, call ${atCall}, ${acknowledged} had their OK`,
      )
    assert.deepEqual((await (again.store as Store & Maintenance).check()).problems, [])
    most = acknowledged
    if (acknowledged === commands.length) break
  }
  assert.ok(most > 0)
  t.diagnostic(`FUZZ_SEED=${firstSeed}`)
})
