// What a shopper's cancel answers when the order is cancelled already.
import { expect, test } from "bun:test";
import { type CancelOptions, cancelOrder } from "./cancel-order.ts";
import { ProblemError } from "./problem.ts";

const ORDER = "01900000-0000-7000-8000-00000000000d";
type Asked = ReturnType<CancelOptions["orchestrator"]["cancelOrder"]>;

function withOrder(status: string, orchestrator: () => Asked): CancelOptions {
  const order = { order_id: ORDER, saga_id: "saga", status };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only these parts of an order are read
  return {
    orders: { order: async () => order },
    orchestrator: { cancelOrder: orchestrator },
  } as unknown as CancelOptions;
}

test("a cancelled order is asked about again, because a restored database may have forgotten its refund", async () => {
  let asked = 0;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the step is read
  const begins = async () => ((asked += 1), { step: "order" }) as unknown as Awaited<Asked>;
  expect(await cancelOrder(withOrder("CANCELLED", begins), ORDER, "user")).toEqual({
    order_id: ORDER,
    status: "CANCELLED",
  });
  expect(asked).toBe(1);
});

test("an order that was cancelled with its checkout stays cancelled; one that is not finished cannot be", async () => {
  const undone = async () => {
    throw new ProblemError("not-cancellable");
  };
  expect((await cancelOrder(withOrder("CANCELLED", undone), ORDER, "user")).status).toBe("CANCELLED");
  await expect(cancelOrder(withOrder("CONFIRMED", undone), ORDER, "user")).rejects.toMatchObject({
    type: "not-cancellable",
  });
});
