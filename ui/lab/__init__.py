"""The lab's room: columns, questions, replies, what differs, charts; its script and style stand beside."""
