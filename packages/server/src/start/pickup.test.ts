import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Submission } from '@posthorn/mta'
import type { SmtpReply } from '@posthorn/smtp'
import { maildropEntries } from './maildrop-listing.ts'
import { createPickup } from './pickup.ts'

const envelope = '{"sender":"a@b.test","recipients":[{"address":"x@c.test"}],"options":{}}\n'

test('mail stays in the maildrop, and is listed, until it could be taken: a failing store, 4yz, 4yz to its return', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-pickup-'))
  t.after(() => rmSync(root, { recursive: true }))
  const maildrop = join(root, 'maildrop')
  mkdirSync(maildrop)
  const name = '0123456789abcdef'.repeat(2)
  writeFileSync(join(maildrop, name), `${envelope}Subject: kept\n\nx\n`)
  const outcomes: (SmtpReply | Error)[] = [
    new Error('the store is closed'),
    { code: 451, text: 'Service unavailable' },
    // Refused for good, and what tells its author put off.
    { code: 554, text: 'not this' },
    { code: 451, text: 'Service unavailable' },
    { code: 250, text: 'Ok' },
  ]
  const taken: string[] = []
  const said: string[] = []
  const pickup = createPickup({
    maildrop,
    taking: join(root, 'taking'),
    submit: async (submission: Submission) => {
      const octets: Uint8Array[] = []
      for await (const chunk of submission.content) octets.push(chunk)
      const outcome = outcomes.shift() as SmtpReply | Error
      if (outcome instanceof Error) throw outcome
      taken.push(Buffer.concat(octets).toString())
      return outcome
    },
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
  for (let round = 0; round < 3; round++) {
    await pickup.run()
    assert.match(readFileSync(join(maildrop, name), 'utf8'), /Subject: kept/)
    assert.deepEqual(
      maildropEntries(maildrop).map(({ queueId, sender, recipients }) => [
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
  assert.deepEqual([...readdirSync(maildrop), ...readdirSync(join(root, 'taking'))], [])
})
