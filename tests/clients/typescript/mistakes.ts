// What the types must find before any request is sent. tsc fails where one of these is let pass.
import { stockroom, type Schemas } from './stockroom.js'

const id = '0190f3a1-7c3e-7b1a-9d5e-3f6c8a1b2d4e'
const path = { id }

export const mistakes = [
  // @ts-expect-error: there is no such address
  () => stockroom.GET('/api/v1/product'),
  // @ts-expect-error: nor such a method of it
  () => stockroom.DELETE('/api/v1/products'),
  // @ts-expect-error: the price is missing
  () => stockroom.POST('/api/v1/products', { body: { name: 'Mug', description: 'Holds tea' } }),
  () =>
    stockroom.POST('/api/v1/products', {
      body: {
        name: 'Mug',
        description: 'Holds tea',
        price: 1,
        // @ts-expect-error: a typing error; `satisfies` finds it
        descriptoin: 'Holds coffee'
      } satisfies Schemas['ProductInput']
    }),
  () =>
    stockroom.POST('/api/v1/inventory', {
      // @ts-expect-error: a quantity is a number
      body: { sku: 'MUG', quantity: '5' }
    }),
  () =>
    stockroom.POST('/api/v1/reservations', {
      body: {
        order_reference: '1',
        // @ts-expect-error: a typing error in a line
        lines: [{ sku: 'MUG', quantity: 1, qantity: 1 }]
      } satisfies Schemas['ReservationInput']
    }),
  () =>
    stockroom.PATCH('/api/v1/inventory/{id}', {
      params: { path },
      // @ts-expect-error: there is no such reason
      body: { quantity_delta: -1, reason: 'theft' }
    }),
  () =>
    stockroom.PATCH('/api/v1/products/{id}', {
      params: { path },
      body: {
        // @ts-expect-error: the type is that of the address
        data: { type: 'product', id, attributes: { name: 'Mug' } }
      } satisfies Schemas['ProductChangesDocument']
    }),
  () =>
    stockroom.GET('/api/v1/products', {
      // @ts-expect-error: products are not sorted by stock
      params: { query: { sort: ['stock'] } }
    }),
  () =>
    stockroom.GET('/api/v1/products', {
      // @ts-expect-error: nor filtered by it
      params: { query: { 'filter[stock]': 1 } }
    }),
  (product: Schemas['Product']) => {
    // @ts-expect-error: there is no such attribute
    return product.attributes?.colour
  },
  (product: Schemas['Product']) => {
    // @ts-expect-error: a price is text, so that nothing is rounded
    const price: number | undefined = product.attributes?.price
    return price
  },
  (reservation: Schemas['Reservation']) => {
    // @ts-expect-error: there is no such status
    return reservation.attributes?.status === 'cancelled'
  }
]
