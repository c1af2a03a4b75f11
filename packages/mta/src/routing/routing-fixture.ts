import assert from 'node:assert/strict'
import { type FixtureOptions, openMailFixture } from '../receive/mail-fixture.ts'

/** Where mail for an address goes: `alice@example.org → mailbox`, `x@y → smtp:y`. */
export async function routes(
  options: FixtureOptions,
  cases: readonly (readonly [string | readonly string[], readonly string[]])[],
  sender = 'carol@sender.net',
) {
  const mail = await openMailFixture(options)
  try {
    for (const [to, expected] of cases) {
      const planned = await mail.routing.plan(
        [to].flat().map((address) => ({ address })),
        sender,
        5,
      )
      const found = planned.map(({ recipient }) => {
        const { route } = recipient
        if (route.kind === 'mailbox') return `${recipient.address} → mailbox`
        const from = route.sender === undefined ? '' : ` from ${route.sender}`
        return `${recipient.address} → ${route.transport}:${route.nextHop}${from}`
      })
      assert.deepEqual(found.toSorted(), expected.toSorted(), String(to))
    }
    return mail.lines()
  } finally {
    await mail.close()
  }
}
