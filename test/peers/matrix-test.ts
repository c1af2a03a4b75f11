import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Matrix, type Scenario, type Seen } from './matrix-peers.ts'

/** Both servers play each scenario; what they say and what comes of it must be the same. */
export function testMatrix(
  name: string,
  missing: string | false,
  scenarios: readonly Scenario[],
  more: (matrix: Matrix, scenario: Scenario) => void = () => {},
): void {
  describe(name, { skip: missing }, () => {
    const matrix = new Matrix()
    before(async () => await matrix.start())
    after(async () => await matrix.stop())
    for (const scenario of scenarios)
      test(scenario.name, async () => {
        const { ours, theirs } = await matrix.run(scenario)
        assert.deepEqual(said(scenario, ours), said(scenario, theirs))
        assert.deepEqual(ours.outcome, theirs.outcome)
        assert.deepEqual(ours.outcome, (scenario.outcome ?? []).toSorted())
        more(matrix, scenario)
      })
  })
}

function said({ sessions }: Scenario, seen: Seen): readonly (readonly string[])[] {
  return sessions.map((session, n) =>
    session.map((say, at) => {
      const line = typeof say === 'string' ? say : '(message)'
      return `${line} → ${seen.replies[n]?.[at] ?? ''}`
    }),
  )
}
