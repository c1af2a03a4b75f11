import { restriction } from '../restriction.ts'

/** The built-in greylist: a stranger's first attempt waits. Best placed last, as postgrey is. */
export const greylist = restriction({
  names: ['greylist', 'check_greylist'],
  make: (parts) => (request, subject) => parts.greylist.verdict(request, subject),
})
