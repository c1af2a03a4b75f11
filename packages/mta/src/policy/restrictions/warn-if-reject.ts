import { restriction } from '../restriction.ts'

/** The next restriction only logs what it would refuse. */
export const warnIfReject = restriction({
  names: ['warn_if_reject'],
  make: () => () => ({ kind: 'warn-next' }),
})
