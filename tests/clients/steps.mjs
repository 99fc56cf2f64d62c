// What every client library must be able to do, in the order in which it is done.
import assert from 'node:assert/strict'

export const API = process.env.STOCKROOM_API
export const KEY = process.env.STOCKROOM_KEY

export const laptop = { name: 'Laptop', description: 'Thin and quiet', price: '1299.99' }

// Runs the steps one after the other; the number printed at the end is what the test counts.
export async function run(steps) {
  for (const [name, step] of Object.entries(steps)) {
    await step().catch((error) => {
      console.error(`${name} failed`, error?.response?.data ?? error)
      process.exit(1)
    })
  }
  console.log(`${Object.keys(steps).length} steps`)
}

// Stock for a product, made without the library under test.
export async function stock(productId, quantity) {
  const answer = await fetch(`${API}/inventory`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': KEY },
    body: JSON.stringify({ product_id: productId, quantity })
  })
  assert.equal(answer.status, 201)
}

export { assert }
