"""What travels: changes, questions, answers, receipts and their headers; and what the store holds of them."""
