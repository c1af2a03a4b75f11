import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Submission } from '@posthorn/mta'
import type { SmtpReply } from '@posthorn/smtp'
import { ownIdentity } from '@posthorn/storage'
import { maildropEntries } from './maildrop-listing.ts'
import { createPickup } from './pickup.ts'

const envelope = '{"sender":"a@b.test","recipients":[{"address":"x@c.test"}],"options":{}}\n'

/** A maildrop, and what takes mail from it. */
function maildropFor(t: TestContext, submit: (submission: Submission) => Promise<SmtpReply>) {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-pickup-'))
  t.after(() => rmSync(root, { recursive: true }))
  const maildrop = join(root, 'maildrop')
  mkdirSync(maildrop)
  const said: string[] = []
  const pickup = createPickup({
    maildrop,
    taking: join(root, 'taking'),
    submit,
    verificationReport: async () => '',
    returnedMail: ({ reason, sender }) => ({
      sender: '',
      recipient: sender,
      text: Buffer.from(`Subject: ${reason}\n\n`),
    }),
    returnedBytes: () => 0,
    filtersReports: () => false,
    admits: () => true,
    maySendAs: () => true,
    messageSizeLimitBytes: () => 0,
    log: ({ level, text }) => said.push(`${level}: ${text}`),
  })
  t.after(() => pickup.close())
  return { pickup, maildrop, taking: join(root, 'taking'), said }
}

const nameOf = (n: number): string => String(n).padStart(32, '0')

test('mail stays in the maildrop, and is listed, until it could be taken: a failing store, 4yz, 4yz to its return', async (t) => {
  const outcomes: (SmtpReply | Error)[] = [
    new Error('the store is closed'),
    { code: 451, text: 'Service unavailable' },
    // Refused for good, and what tells its author put off.
    { code: 554, text: 'not this' },
    { code: 451, text: 'Service unavailable' },
    { code: 250, text: 'Ok' },
  ]
  const taken: string[] = []
  const { pickup, maildrop, taking, said } = maildropFor(t, async (submission) => {
    const octets: Uint8Array[] = []
    for await (const chunk of submission.content) octets.push(chunk)
    const outcome = outcomes.shift() as SmtpReply | Error
    if (outcome instanceof Error) throw outcome
    taken.push(Buffer.concat(octets).toString())
    return outcome
  })
  const name = '0123456789abcdef'.repeat(2)
  writeFileSync(join(maildrop, name), `${envelope}Subject: kept\n\nx\n`)
  for (let round = 0; round < 3; round++) {
    await pickup.run()
    assert.match(readFileSync(join(maildrop, name), 'utf8'), /Subject: kept/)
    assert.deepEqual(
      (await maildropEntries(maildrop)).map(({ queueId, sender, recipients }) => [
        queueId,
        sender,
        recipients[0]?.address,
      ]),
      [[name, 'a@b.test', 'x@c.test']],
    )
  }
  assert.deepEqual(said, ['error: mail is left in the maildrop for now'])
  await pickup.run()
  assert.equal(taken.at(-1), 'Subject: kept\n\nx\n')
  assert.deepEqual([...readdirSync(maildrop), ...readdirSync(taking)], [])
})

test('mail that a process had taken when it was killed is taken by the next one, also when that has its pid', async (t) => {
  const heard: string[] = []
  const { pickup, maildrop, taking, said } = maildropFor(t, async ({ content }) => {
    for await (const chunk of content) heard.push(String(chunk))
    return { code: 250, text: 'Ok' }
  })
  const { pid, startTicks, boot } = ownIdentity()
  mkdirSync(taking)
  const left = [
    `${nameOf(1)}.${pid}.${startTicks - 1}.${boot}`,
    `${nameOf(2)}.${pid}.${startTicks}.before-the-last-boot`,
    `${nameOf(3)}.${process.ppid}.1.${boot}`,
  ]
  for (const name of left) {
    const envelope = { sender: 'a@b.test', recipients: [{ address: 'x@c.test' }] }
    writeFileSync(join(taking, name), `${JSON.stringify(envelope)}\n${name.slice(0, 32)}`)
  }
  const ofAnotherWhoLives = `${nameOf(4)}.${pid}.${startTicks}.${boot}`
  writeFileSync(join(taking, ofAnotherWhoLives), '')
  await pickup.run()
  assert.deepEqual([heard, said], [[nameOf(1), nameOf(2), nameOf(3)], []])
  assert.deepEqual([readdirSync(maildrop), readdirSync(taking)], [[], [ofAnotherWhoLives]])
})

test('a folder in the maildrop is never emptied: its owner could put links into it meanwhile', async (t) => {
  const { pickup, maildrop, taking, said } = maildropFor(t, async () => ({ code: 250, text: 'Ok' }))
  const folder = join(maildrop, nameOf(1))
  mkdirSync(join(folder, 'inner'), { recursive: true })
  writeFileSync(join(folder, 'inner', 'file'), '')
  symlinkSync('/', join(maildrop, nameOf(2)))
  await pickup.run()
  assert.deepEqual(readdirSync(folder, { recursive: true }).toSorted(), ['inner', join('inner', 'file')])
  assert.deepEqual([readdirSync(maildrop), readdirSync(taking)], [[nameOf(1)], []])
  assert.deepEqual(said, [`error: ${nameOf(2)}: cannot be taken`])
})

test('a listing reads no more of the maildrop than a bound, and lets others in', async (t) => {
  const { maildrop } = maildropFor(t, async () => ({ code: 250, text: 'Ok' }))
  const recipients = Array.from({ length: 20_000 }, (_, n) => ({ address: `someone${n}@example.org` }))
  const large = `${JSON.stringify({ sender: 'a@b.test', recipients, options: {} })}\n`
  for (let n = 0; n < 40; n++) writeFileSync(join(maildrop, nameOf(n)), large)
  let turns = 0
  const counting = setInterval(() => turns++, 1)
  t.after(() => clearInterval(counting))
  const entries = await maildropEntries(maildrop)
  assert.equal(entries.length, Math.ceil((4 << 20) / large.length))
  assert.ok(turns > 1, `${turns} turns`)
})
