/** Clients that go while something is still asked about them: what was begun for them must end all the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Screening } from '../screen/index.ts'
import { connection } from './mail-fixture.ts'
import { milterOf, site, stranger } from './milter-site-fixture.ts'

type Mail = Awaited<ReturnType<typeof site>>

/** Connects, and has gone before anything is known of it. */
async function comeAndGo(mail: Mail, meanwhile = (): void => {}): Promise<void> {
  const { session } = await connection((await site([])).handler, stranger)
  const hasty = { ...session }
  const greeting = mail.handler.connect(hasty)
  mail.handler.disconnect(hasty, {})
  meanwhile()
  await greeting
}

for (const clientNames of ['looked-up', 'unknown'] as const)
  test(`no filter is left with a client that has gone, names ${clientNames}`, async () => {
    const milter = await milterOf({})
    const mail = await site([milter.spec])
    Object.assign(mail.configuration.options, { clientNames })
    await comeAndGo(mail)
    for (let n = 0; n < 200 && milter.open > 0; n++) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal(milter.open, 0)
  })

const waits = (gone: () => void): Screening => ({
  kind: 'wait',
  waitMs: 0,
  onPregreet: 'ignore',
  refusal: undefined,
  watch: undefined,
  teaser: '',
  gone,
  passed: () => {},
})

test('no place among those that are tested stays taken: when it goes, and behind a proxy', async () => {
  const mail = await site([])
  let places = 0
  let answer = (_screening: Screening): void => {}
  const examine = (): Promise<Screening> => {
    places++
    return new Promise((resolve) => (answer = resolve))
  }
  Object.assign(mail.configuration, { screen: { examine } })
  const leave = (): void => void places--
  await comeAndGo(mail, () => answer(waits(leave)))
  assert.equal(places, 0)

  const { session } = await connection((await site([])).handler, stranger)
  const proxy = { ...session }
  const greeting = mail.handler.connect(proxy)
  answer(waits(leave))
  await greeting
  assert.equal(places, 1)
  await mail.handler.proxied?.(proxy, { name: { name: 'behind.test' } })
  mail.handler.disconnect(proxy, {})
  assert.equal(places, 0)
})
