import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { kept, makeMaildir, newPath, newSite, posthorn } from './import-fixture.ts'

describe('posthorn export', () => {
  for (const form of ['maildir', 'mbox']) {
    it(`what went out comes in again, the same to the octet: ${form}`, async () => {
      await newSite()
      const path = makeMaildir()
      await posthorn('import', 'maildir', 'alice', path, '--map', 'Sent=Sent/v1.0')
      const out = newPath('out')
      const report = await posthorn('export', form, 'alice', out)
      assert.equal(report.code, 0, report.out + report.err)
      assert.match(report.out, /^Lists\/Café +1 messages .* same$/m)
      const before = await Promise.all([kept('INBOX'), kept('Lists/Café'), kept('Sent/v1.0')])
      assert.equal((await posthorn('export', form, 'alice', out)).code, 1)
      await newSite()
      const again = await posthorn('import', form, 'alice', out)
      assert.equal(again.code, 0, again.out + again.err)
      const now = await Promise.all([kept('INBOX'), kept('Lists/Café'), kept('Sent/v1.0')])
      const comparable = ({ mailbox, messages }: Awaited<ReturnType<typeof kept>>) => [
        form === 'maildir' ? [mailbox.uidValidity, mailbox.uidNext, mailbox.subscribed] : [],
        messages.map((message) => (form === 'maildir' ? message : { ...message, uid: 0 })),
      ]
      assert.deepEqual(now.map(comparable), before.map(comparable))
    })
  }
})
