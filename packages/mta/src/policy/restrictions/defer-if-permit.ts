import { refusalOf } from '../reply-text.ts'
import { restriction } from '../restriction.ts'

/** Refuses for now what a later restriction would permit. */
export const deferIfPermit = restriction({
  names: ['defer_if_permit'],
  closesRelay: true,
  make: () => (_request, subject) => ({
    kind: 'defer-if-permit',
    refusal: refusalOf(subject, 450, '4.7.0', 'defer_if_permit requested'),
  }),
})
