import type { MakeListing } from '../contract.ts'

/** For tests: the trace prefix with the size, and the first octets of the summary. Not for messages of 13 octets. */
export const makeListing: MakeListing = (summary, prefix, storedBytes) => {
  if (storedBytes === 13) throw new Error('An unlucky number')
  return [Buffer.concat([Buffer.from(`${storedBytes} `), prefix]), Buffer.from(summary.subarray(0, 40))]
}
