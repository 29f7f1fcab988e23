"""What bench/retrieve is made of: generated mail, a server full of it, a long wire, the contenders, the scenarios, the report."""
